"""Synthetic loans: reproducible, shaped like the real ones, broken exactly as reported."""

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from examples.credit_risk.definitions import loans
from hindcast.data.ingest import add_file
from hindcast.demo.generate import GenerateReport, generate
from hindcast.errors import InputError
from hindcast.stores.lake import Lake

CUSTOMERS = 2_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generated")


@pytest.fixture(scope="module")
def report(folder: Path) -> GenerateReport:
    return generate(folder / "loans.csv", customers=CUSTOMERS, seed=7)


def lines_of(path: Path) -> duckdb.DuckDBPyRelation:
    """Every line with the right number of columns, as text."""
    return duckdb.connect().sql(
        f"SELECT * FROM read_csv('{path}', all_varchar = true, ignore_errors = true)"
    )


@pytest.fixture(scope="module")
def rows(folder: Path, report: GenerateReport) -> duckdb.DuckDBPyRelation:
    """The lines that have the columns and whose values parse, as DuckDB reads them."""
    found = lines_of(folder / "loans.csv")
    assert found.columns == list(loans.schema)
    casts = [
        f"TRY_CAST({name} AS {kind.sql('duckdb')}) AS {name}" for name, kind in loans.types.items()
    ]
    selected = found.project(", ".join(casts))
    bad = "id IS NULL OR loan_date IS NULL OR birthday IS NULL OR status > 1"
    return selected.filter(f"NOT ({bad}) AND loan_amount > 0")


def one(rows: duckdb.DuckDBPyRelation, expression: str) -> float:
    return float(rows.aggregate(expression).fetchall()[0][0])


def test_the_same_seed_writes_the_same_bytes(
    folder: Path, report: GenerateReport, tmp_path: Path
) -> None:
    for name, seed in (("again", 7), ("other", 8)):
        (tmp_path / name).mkdir()
        made = generate(tmp_path / name / "loans.csv", customers=CUSTOMERS, seed=seed)
        assert made.planted == report.planted
    for name in ("loans.csv", "repayments.csv", "outcomes.csv"):
        first = (folder / name).read_bytes()
        assert (tmp_path / "again" / name).read_bytes() == first
        assert (tmp_path / "other" / name).read_bytes() != first


def test_ingest_finds_exactly_what_was_planted(
    folder: Path, report: GenerateReport, tmp_path: Path
) -> None:
    now = datetime(2021, 9, 18, tzinfo=UTC)
    ingested = add_file(folder / "loans.csv", loans, Lake(str(tmp_path / "lake")), now)
    assert ingested.rows == report.rows
    assert ingested.quarantined == report.rejected
    assert ingested.nulled == {"job_start_date <= loan_date": report.later_jobs}
    assert sum(report.planted.values()) == report.rejected + report.duplicates


def test_every_kind_of_bad_line_is_there(folder: Path, report: GenerateReport) -> None:
    with (folder / "loans.csv").open(newline="") as stream:
        lines = list(csv.reader(stream))[1:]
    assert len(lines) == report.rows
    widths = [len(line) for line in lines]
    assert sum(width < len(loans.schema) for width in widths) == report.planted["too few columns"]
    assert sum(width > len(loans.schema) for width in widths) == report.planted["too many columns"]
    assert all(count > 0 for count in report.planted.values())


def test_duplicates_come_after_the_line_they_repeat_or_correct(
    rows: duckdb.DuckDBPyRelation, report: GenerateReport
) -> None:
    distinct = one(rows, "count(DISTINCT (id, loan_date, loan_id))")
    assert one(rows, "count(*)") - distinct == report.duplicates
    corrected = rows.aggregate("id, loan_date, loan_id, count(DISTINCT loan_amount) AS amounts")
    assert one(corrected.filter("amounts = 2"), "count(*)") == report.planted["corrected event"]


def test_customers_have_about_21_loans_on_distinct_days_of_five_years(
    rows: duckdb.DuckDBPyRelation,
) -> None:
    assert one(rows, "count(DISTINCT id)") == CUSTOMERS
    assert one(rows, "count(DISTINCT loan_id) / count(DISTINCT id)") == pytest.approx(21, abs=2)
    days = rows.aggregate("id, loan_date, count(DISTINCT loan_id) AS loans")
    assert one(days, "max(loans)") == 1
    assert one(rows.filter("loan_date > DATE '2021-09-17'"), "count(*)") == 0
    assert one(rows.filter("loan_date < DATE '2016-09-17'"), "count(*)") == 0
    assert one(rows.filter("id = 5008827"), "count(*)") > 0
    assert one(rows, "min(id)") == 5_008_804


def test_values_look_like_the_real_ones(rows: duckdb.DuckDBPyRelation) -> None:
    assert one(rows, "avg(loan_amount)") == pytest.approx(132, abs=0.5)
    assert one(rows, "stddev(loan_amount)") == pytest.approx(20, abs=0.5)
    assert one(rows, "avg(status)") == pytest.approx(0.004, abs=0.001)
    assert one(rows, "avg((occupation_type IS NULL)::INT)") == pytest.approx(0.3, abs=0.05)
    assert one(rows, "median(amt_income_total)") == pytest.approx(160_000, rel=0.1)
    assert one(rows, "min(date_diff('year', birthday, DATE '2021-09-17'))") >= 20


def test_pensioners_start_their_job_in_the_year_3021(rows: duckdb.DuckDBPyRelation) -> None:
    pensioners = rows.filter("name_income_type = 'Pensioner'")
    assert one(pensioners, "count(DISTINCT id)") / CUSTOMERS == pytest.approx(0.17, abs=0.06)
    assert one(pensioners, "min(days_employed)") == 365_243
    assert one(pensioners, "min(year(job_start_date))") == 3021
    assert one(pensioners, "count(occupation_type)") == 0
    assert one(rows.filter("days_employed > 0"), "count(*)") == one(pensioners, "count(*)")


def test_income_and_age_tell_something_of_the_label(rows: duckdb.DuckDBPyRelation) -> None:
    columns = rows.project("status, amt_income_total, date_diff('day', birthday, loan_date) AS age")
    found = columns.fetchnumpy()
    assert roc_auc_score(found["status"], -found["amt_income_total"]) > 0.6
    assert roc_auc_score(found["status"], -found["age"]) > 0.6
    assert np.sum(found["status"]) > 100


def test_repayments_and_outcomes_are_of_the_loans_and_come_weeks_later(
    folder: Path, report: GenerateReport, rows: duckdb.DuckDBPyRelation
) -> None:
    paths = {name: f"'{folder / name}.csv'" for name in ("repayments", "outcomes")}
    joined = duckdb.connect().sql(
        f"SELECT * FROM read_csv({paths['repayments']}) AS paid "
        f"JOIN read_csv({paths['outcomes']}) AS told USING (loan_id, id)"
    )
    assert one(joined, "count(*)") == report.outcomes < report.repayments < report.rows
    assert one(joined, "count(*) FILTER (late <> (days_late > 0)::INT)") == 0
    assert one(joined, "avg(late)") == pytest.approx(0.1, abs=0.02)
    assert one(joined, "min(recorded_at - paid_at >= INTERVAL 1 DAY)") == 1
    assert one(joined, "max(date_diff('day', paid_at, recorded_at))") > 60
    assert one(joined, "max(recorded_at < DATE '2021-09-18')") == 1
    overdue = {loan for (loan,) in rows.filter("status = 1").project("loan_id").fetchall()}
    delays = dict(joined.project("loan_id, days_late").fetchall())
    assert all(delays[loan] > 60 for loan in overdue & delays.keys())


def test_another_last_day_moves_every_date(tmp_path: Path) -> None:
    generate(tmp_path / "later.csv", customers=50, seed=1, until=date(2024, 2, 29))
    dates = lines_of(tmp_path / "later.csv").aggregate("max(TRY_CAST(loan_date AS DATE))")
    newest = dates.fetchall()[0][0]
    assert date(2023, 9, 1) < newest <= date(2024, 2, 29)


def test_a_single_customer_can_be_generated(tmp_path: Path) -> None:
    report = generate(tmp_path / "one.csv", customers=1, seed=0)
    assert report.customers == 1
    assert report.rows > sum(report.planted.values()) > 0


def test_what_cannot_be_written_is_said_in_one_line(folder: Path) -> None:
    with pytest.raises(InputError, match="--customers 0"):
        generate(folder / "none.csv", customers=0, seed=0)
    with pytest.raises(InputError, match="No such file or directory"):
        generate(folder / "absent" / "loans.csv", customers=1, seed=0)
