"""The peer of ingest + materialize: one DuckDB + psycopg script, no checks, no Delta, no releases.

It reads the same CSV, keeps the raw rows, computes the same features for every event and every
customer, keeps those too, and loads the customers into Postgres by binary COPY.
"""

import sys
import time
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa

SCHEMA = {
    "loan_id": "BIGINT",
    "id": "BIGINT",
    "country": "VARCHAR",
    "branch_no": "BIGINT",
    "code_gender": "VARCHAR",
    "flag_own_car": "VARCHAR",
    "flag_own_realty": "VARCHAR",
    "cnt_children": "BIGINT",
    "amt_income_total": "DOUBLE",
    "name_income_type": "VARCHAR",
    "name_education_type": "VARCHAR",
    "name_family_status": "VARCHAR",
    "name_housing_type": "VARCHAR",
    "days_birth": "BIGINT",
    "days_employed": "BIGINT",
    "flag_mobil": "BIGINT",
    "flag_work_phone": "BIGINT",
    "flag_phone": "BIGINT",
    "flag_email": "BIGINT",
    "occupation_type": "VARCHAR",
    "cnt_fam_members": "DOUBLE",
    "status": "BIGINT",
    "birthday": "DATE",
    "job_start_date": "DATE",
    "loan_date": "DATE",
    "loan_amount": "DECIMAL(18,6)",
}
LATEST = {
    "income": "amt_income_total",
    "nb_children": "cnt_children",
    "family_size": "cnt_fam_members",
    "flag_own_car": "flag_own_car = 'Y'",
    "flag_own_realty": "flag_own_realty = 'Y'",
    "is_pensioner": "name_income_type = 'Pensioner'",
    "has_higher_education": "name_education_type = 'Higher education'",
    "has_work_phone": "flag_work_phone = 1",
    "income_type": "name_income_type",
    "_birthday": "birthday",
    "_job_start_date": "job_start_date",
}
KNOWN = ", ".join(
    f"last_value({sql} IGNORE NULLS) OVER earlier AS {n}" for n, sql in LATEST.items()
)
YEARS = """
    CAST(datesub('year', _birthday, loan_date) AS BIGINT) AS age,
    CASE WHEN _job_start_date <= loan_date
         THEN datesub('year', _job_start_date, loan_date) END AS years_on_the_job
"""
EVENTS = f"""
    SELECT *, {YEARS} FROM (
        SELECT id, loan_date, loan_id, {KNOWN},
            count(*) OVER earlier AS nb_previous_loans,
            avg(loan_amount) OVER earlier AS avg_amount_loans_previous,
            max(loan_amount) OVER earlier AS max_amount_loans_previous,
            count(*) OVER recent AS nb_loans_last_90_days,
            sum(loan_amount) OVER recent AS amount_last_90_days
        FROM '{{raw}}' WINDOW
            earlier AS (PARTITION BY id ORDER BY loan_date, loan_id
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
            recent AS (PARTITION BY id ORDER BY loan_date
                       RANGE BETWEEN INTERVAL 90 DAYS PRECEDING AND INTERVAL 1 DAY PRECEDING))
"""
# A row per customer: the aggregates of all its loans, and what its latest loans said.
CUSTOMERS = f"""
    SELECT id, count(*) AS nb_previous_loans, avg(loan_amount) AS avg_amount_loans_previous,
        max(loan_amount) AS max_amount_loans_previous,
        count(*) FILTER (loan_date >= DATE '2021-09-17' - 90) AS nb_loans_last_90_days,
        sum(loan_amount) FILTER (loan_date >= DATE '2021-09-17' - 90) AS amount_last_90_days,
        {
    ", ".join(
        f"last({sql} ORDER BY loan_date, loan_id) FILTER (({sql}) IS NOT NULL) AS {n}"
        for n, sql in LATEST.items()
    )
}
    FROM '{{raw}}' WHERE loan_date < DATE '2021-09-17' GROUP BY id
"""


def main(loans: str, folder: Path, url: str) -> None:
    """Run it and print the seconds of its work."""
    started, cpu = time.perf_counter(), time.process_time()
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    with Path(loans).open() as lines:  # The real file has no branches.
        columns = {name: SCHEMA[name] for name in next(lines).rstrip().split(",")}
    raw, features = folder / "raw.parquet", folder / "features.parquet"
    connection.execute(
        f"COPY (SELECT * FROM read_csv('{loans}', columns={columns}, header=true, "
        f"auto_detect=false, ignore_errors=true)) TO '{raw}'"
    )
    connection.execute(f"COPY ({EVENTS.format(raw=raw)}) TO '{features}'")
    load(connection.sql(CUSTOMERS.format(raw=raw)).to_arrow_table(), url)
    print(f"{time.perf_counter() - started:.3f}", f"{time.process_time() - cpu:.3f}")


def load(rows: pa.Table, url: str) -> None:
    """Make the table anew and fill it by binary COPY."""
    kinds = {
        "int64": "int8",
        "double": "float8",
        "bool": "bool",
        "string": "text",
        "date32[day]": "date",
    }
    types = [kinds.get(str(field.type), "numeric") for field in rows.schema]
    columns = ", ".join(
        f'"{name}" {kind}' for name, kind in zip(rows.column_names, types, strict=True)
    )
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare_customers")
        cursor.execute(f"CREATE TABLE bare_customers ({columns}, PRIMARY KEY (id))")
        with cursor.copy("COPY bare_customers FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(types)
            for row in zip(*(column.to_pylist() for column in rows.columns), strict=True):
                copy.write_row(row)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
