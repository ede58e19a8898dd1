"""The peer of the Spark job: the same windows and the same writes by hand, for this view alone.

It knows of no records that replace others, no ties and no second clock; it checks nothing and
swaps nothing. Its session is Hindcast's, so that both sides run on one configuration.
"""

import sys
import time
from pathlib import Path

import pandas  # noqa: F401  # pyarrow imports it at its first conversion.
import pyarrow.parquet as pq
from bare_duckdb import LATEST, load
from deltalake import DeltaTable, convert_to_deltalake
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from hindcast.engines.spark.session import session

AS_OF = "2021-09-17"
OFFLINE_ONLY = ["loan_date", "loan_id", "age", "years_on_the_job"]


def main(raw: str, folder: Path, url: str) -> None:
    """Run it and print the seconds of its work."""
    spark = session()
    started = time.perf_counter()
    loans = spark.read.parquet(*DeltaTable(raw).file_uris())
    features(loans).write.partitionBy("is_event").parquet(str(folder))
    convert_to_deltalake(str(folder / "is_event=true"))
    customers = pq.ParquetDataset(folder / "is_event=false", partitioning=None).read()
    load(customers.drop_columns(OFFLINE_ONLY), url)
    print(f"[{time.perf_counter() - started}]")


def features(raw: DataFrame) -> DataFrame:
    """A row for every loan, and one for every customer as of the day."""
    loans = raw.where(F.col("loan_date") < F.lit(AS_OF).cast("date"))
    customers = loans.select("id").distinct().withColumn("loan_date", F.lit(AS_OF).cast("date"))
    rows = loans.unionByName(customers, allowMissingColumns=True)
    rows.createOrReplaceTempView("loans")
    return rows.sparkSession.sql(_sql())


def _sql() -> str:
    known = ", ".join(f"last({sql}, true) OVER earlier AS {name}" for name, sql in LATEST.items())
    return f"""
        SELECT * , {_years("_birthday")} AS age, {_years("_job_start_date")} AS years_on_the_job
        FROM (
            SELECT id, loan_date, loan_id, loan_id IS NOT NULL AS is_event, {known},
                count(loan_id) OVER earlier AS nb_previous_loans,
                avg(CAST(loan_amount AS DOUBLE)) OVER earlier AS avg_amount_loans_previous,
                max(loan_amount) OVER earlier AS max_amount_loans_previous,
                count(loan_id) OVER recent AS nb_loans_last_90_days,
                sum(loan_amount) OVER recent AS amount_last_90_days
            FROM loans WINDOW
                earlier AS (PARTITION BY id ORDER BY unix_date(loan_date), loan_id
                            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
                recent AS (PARTITION BY id ORDER BY unix_date(loan_date)
                           RANGE BETWEEN 90 PRECEDING AND 1 PRECEDING))
    """


def _years(since: str) -> str:
    return (
        f"CAST(year(loan_date) - year({since}) - CAST(month(loan_date) * 100 + day(loan_date) "
        f"< month({since}) * 100 + day({since}) AS INT) AS BIGINT)"
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
