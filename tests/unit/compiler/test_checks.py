"""Checks are checked themselves, and decide on text whether a row is accepted, and why not."""

from dataclasses import replace
from typing import Any

import pytest

from hindcast.compiler.checks import compile_checks, ingest_query
from hindcast.definitions import Check, Source
from hindcast.engines.duckdb import session
from hindcast.errors import DefinitionError
from tests.unit.compiler.loans import LOANS

GOOD = {
    "id": "1",
    "loan_id": "7",
    "loan_date": "2021-03-01T12:00:00Z",
    "amount": "12.50",
    "income": "1e3",
    "children": "2",
    "has_car": "true",
    "job": "clerk",
    "birthday": "1980-06-15",
    "job_start": "2010-03-01",
    "status": "0",
    "recorded_at": "2021-03-02T00:00:00Z",
}
POSITIVE = Check("amount > 0")


def with_checks(*checks: Check, **fields: Any) -> Source:
    return replace(LOANS, checks=checks, **fields)


def refusal(*checks: Check, **fields: Any) -> str:
    with pytest.raises(DefinitionError) as raised:
        compile_checks(with_checks(*checks, **fields))
    return str(raised.value)


def read(*checks: Check, **changed: str | None) -> dict[str, Any]:
    """What becomes of one row of text, as a CSV reader hands it over."""
    row = GOOD | changed
    relation = ", ".join(f'CAST(? AS VARCHAR) AS "{name}"' for name in row)
    sql = ingest_query(with_checks(*checks), dict.fromkeys(row, "VARCHAR"), "file")
    with session() as connection:
        connection.execute(f"CREATE TABLE file AS SELECT {relation}", list(row.values()))
        found: dict[str, Any] = connection.sql(sql).to_arrow_table().to_pylist()[0]
    return found


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (Check("amuont > 0"), "unknown column 'amuont' in 'amuont > 0'; the schema has id, "),
        (Check("amount >"), "syntax error in 'amount >' at column 8, near '>'"),
        (Check("sum(amount) > 0"), "a check sees one row; remove the aggregate or as_of"),
        (Check("loan_date < as_of"), "a check sees one row; remove the aggregate or as_of"),
        (Check("amount + 1"), "it is double, not a condition; compare it to something"),
        (Check("job > 1"), "'job > 1' mixes types (bigint, string); make them alike"),
        (Check("1 = 1"), "field '' is not in the schema; name one of its columns"),
        (
            Check("amount > 0", field="euros"),
            "field 'euros' is not in the schema; name one of its columns",
        ),
        (Check("reverse(job) = 'A'"), "'REVERSE(job)' is not supported in 'reverse(job) = 'A''"),
    ],
)
def test_an_error_names_the_source_the_check_and_the_fix(check: Check, reason: str) -> None:
    message = refusal(check)
    assert message.startswith(f"source 'loans', check '{check.expression}': ")
    assert reason in message


@pytest.mark.parametrize("column", ["id", "loan_id", "loan_date", "recorded_at"])
def test_what_every_row_needs_cannot_be_nulled(column: str) -> None:
    message = refusal(Check(f"{column} is not null", on_fail="null"))
    assert f"'{column}' cannot be emptied, as every row needs it; use on_fail='reject'" in message


@pytest.mark.parametrize(
    "column",
    [
        "_file",
        "_row",
        "_ingested_at",
        "recorded_at",
        "_retraction",
        "_reason",
        "_field",
        "_value",
        "_record",
    ],
)
def test_a_schema_cannot_take_the_columns_that_ingest_adds(column: str) -> None:
    own = {name: kind for name, kind in LOANS.schema.items() if name != "recorded_at"}
    message = refusal(recorded_at=None, schema={**own, column: "timestamp"})
    assert f"source 'loans': column '{column}' is Hindcast's own; rename it" in message


def test_a_check_reports_its_first_column_unless_told() -> None:
    first, told = compile_checks(
        with_checks(Check("income > amount"), Check("income > amount", field="job"))
    )
    assert (first.field, told.field) == ("income", "job")


def test_an_accepted_row_has_its_values_in_the_schemas_types() -> None:
    row = read(POSITIVE)
    assert row["_reason"] is None
    assert row["_record"] is None
    assert (row["id"], str(row["amount"]), row["income"]) == (1, "12.50", 1000.0)
    assert (row["has_car"], str(row["birthday"])) == (True, "1980-06-15")
    assert row["loan_date"].isoformat() == "2021-03-01T12:00:00+00:00"


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        ("amount", "-1.00", "amount '-1.00' breaks check \"amount > 0\""),
        ("amount", "twelve", "amount 'twelve' is not a decimal(18,2)"),
        ("amount", "1.005", "amount '1.005' is not a decimal(18,2)"),
        ("children", "1.5", "children '1.5' is not a whole number"),
        ("income", "nan", "income 'nan' is not a finite number"),
        ("birthday", "15.06.1980", "birthday '15.06.1980' is not a date (YYYY-MM-DD)"),
        ("birthday", "2021-02-29", "birthday '2021-02-29' is not a date (YYYY-MM-DD)"),
        ("loan_date", "noon", "loan_date 'noon' is not a timestamp (ISO 8601 to the microsecond)"),
        ("id", None, "id is missing"),
        ("recorded_at", None, "recorded_at is missing"),
    ],
)
def test_a_bad_row_says_field_value_and_reason(column: str, text: str | None, reason: str) -> None:
    row = read(POSITIVE, **{column: text})
    assert (row["_field"], row["_value"], row["_reason"]) == (column, text, reason)


@pytest.mark.parametrize(
    ("text", "is_accepted"),
    [
        ("0000-12-31T23:59:59.999999Z", False),
        ("0001-01-01T00:00:00Z", True),
        ("9999-12-31T23:59:59.999998Z", True),
        ("9999-12-31T23:59:59.999999Z", False),
        ("2021-05-01T10:00:00.123456000+02:00", True),
        ("2021-05-01T10:00:00.1234567", False),
        ("10000-01-01T00:00:00Z", False),
        ("9999-12-31T23:00:00-02:00", False),
        ("infinity", False),
        ("-infinity", False),
    ],
)
def test_a_timestamp_is_a_microsecond_that_somebody_can_ask_after(
    text: str, is_accepted: bool
) -> None:
    row = read(loan_date=text)
    reason = (
        None
        if is_accepted
        else f"loan_date '{text}' is not a timestamp (ISO 8601 to the microsecond)"
    )
    assert row["_reason"] == reason


def test_a_bad_row_is_kept_as_it_was_read() -> None:
    record = read(amount="1.005", job='say "no"')["_record"]
    assert '"amount":"1.005"' in record
    assert r'"job":"say \"no\""' in record


def test_every_fault_of_a_row_is_told() -> None:
    row = read(POSITIVE, amount="-1", children="two")
    assert row["_reason"] == (
        "children 'two' is not a whole number; amount '-1' breaks check \"amount > 0\""
    )


def test_a_null_passes_every_check() -> None:
    row = read(POSITIVE, amount=None)
    assert (row["_reason"], row["amount"]) == (None, None)


def test_a_job_start_in_the_year_3021_is_emptied_and_the_row_accepted() -> None:
    check = Check("days_between(birthday, job_start) < 36500", on_fail="null", field="job_start")
    row = read(check, job_start="3021-09-18")
    assert (row["_reason"], row["job_start"]) == (None, None)
    assert row[f"_fails: {check.expression}"] is True


def test_a_check_that_warns_changes_nothing() -> None:
    check = Check("children < 2", on_fail="warn")
    row = read(check)
    assert (row["_reason"], row["children"], row["_fails: children < 2"]) == (None, 2, True)


def test_two_checks_may_empty_one_field() -> None:
    checks = [Check("income < 100", on_fail="null"), Check("income > 10", on_fail="null")]
    assert [read(*checks, income=text)["income"] for text in ("5", "50", "500")] == [None, 50, None]


def test_text_that_looks_like_sql_stays_text() -> None:
    row = read(Check("job <> 'it''s'"), job="it's")
    assert row["_reason"] == "job 'it's' breaks check \"job <> 'it''s'\""


def test_a_columns_name_is_only_a_name_in_a_reason() -> None:
    name = "driver's age' || version() || '"
    source = replace(LOANS, schema={**LOANS.schema, name: "double"})
    with session() as connection:
        columns = ", ".join(f"'{value}' AS \"{column}\"" for column, value in GOOD.items())
        connection.execute(f"CREATE TABLE file AS SELECT {columns}, 'x' AS \"{name}\"")
        sql = ingest_query(source, dict.fromkeys([*GOOD, name], "VARCHAR"), "file")
        found = connection.execute(f"SELECT _reason, _field FROM ({sql})").fetchone()
    assert found == (f"{name} 'x' is not a finite number", name)
