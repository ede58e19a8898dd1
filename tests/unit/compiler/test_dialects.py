"""Each engine's spelling, and on DuckDB what arithmetic, nulls and calendars come to."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlglot import exp

from hindcast.compiler import expressions
from hindcast.compiler.dialects import DIALECTS, DUCKDB, POSTGRES, SPARK, Dialect, micros
from hindcast.datatypes import BIGINT, DATE, DOUBLE, STRING, DataType
from hindcast.engines.duckdb import session

TYPES = {
    "whole": BIGINT,
    "real": DOUBLE,
    "money": DataType("decimal", 18, 2),
    "text": STRING,
    "start": DATE,
}
EVERY = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)


def tree_of(text: str) -> exp.Expression:
    return expressions.parse(text, "here")


def value(text: str, /, **columns: str) -> Any:
    """What DuckDB answers when the columns stand for these pieces of SQL."""
    with session() as connection:
        sql = DUCKDB.render(tree_of(text), TYPES, columns)
        found = connection.execute(f"SELECT {sql}").fetchone()
    assert found is not None
    return found[0]


def years(start: str, end: str) -> Any:
    columns = {"start": f"DATE '{start}'", "as_of": f"TIMESTAMPTZ '{end}'"}
    return value("years_between(start, as_of)", **columns)


@pytest.mark.parametrize(
    ("dialect", "quoted"), [(DUCKDB, '"a""b`"'), (SPARK, '`a"b```'), (POSTGRES, '"a""b`"')]
)
def test_a_name_is_quoted_so_that_it_cannot_end_its_quotes(dialect: Dialect, quoted: str) -> None:
    assert dialect.quote('a"b`') == quoted


@EVERY
def test_columns_are_quoted_unless_sql_takes_their_place(dialect: Dialect) -> None:
    rendered = dialect.render(tree_of("whole > real"), TYPES, {"real": "_w7"})
    assert rendered == f"{dialect.quote('whole')} > _w7"


@EVERY
def test_rendering_leaves_the_definition_as_it_was(dialect: Dialect) -> None:
    tree = tree_of("years_between(start, as_of) / whole + 1.5")
    written = tree.sql()
    dialect.render(tree, TYPES, {"whole": "_w0"})
    assert tree.sql() == written


@pytest.mark.parametrize(
    ("dialect", "text"), [(DUCKDB, "'it''s'"), (SPARK, r"'it\'s'"), (POSTGRES, "'it''s'")]
)
def test_a_quote_in_text_stays_text(dialect: Dialect, text: str) -> None:
    rendered = dialect.render(tree_of("text = 'it''s'"), TYPES)
    assert rendered == f"{dialect.quote('text')} = {text}"


@pytest.mark.parametrize(
    ("dialect", "name"), [(DUCKDB, "VARCHAR"), (SPARK, "STRING"), (POSTGRES, "TEXT")]
)
def test_a_cast_uses_the_engines_name_of_the_type(dialect: Dialect, name: str) -> None:
    assert dialect.cast("x", STRING) == f"CAST(x AS {name})"


def test_division_is_never_whole_and_by_zero_is_null() -> None:
    assert value("7 / 2") == 3.5
    assert value("whole / 0", whole="7") is None
    assert value("whole / (whole - 7)", whole="7") is None


def test_arithmetic_of_decimals_is_done_in_doubles() -> None:
    product = value("money * money", money="CAST('1.10' AS DECIMAL(18,2))")
    assert isinstance(product, float)
    assert product == 1.1 * 1.1


def test_arithmetic_of_whole_numbers_stays_exact() -> None:
    assert value("whole + 1", whole="9007199254740993") == 9007199254740994


def test_whole_numbers_have_64_bits_whoever_made_them() -> None:
    assert value("86400 * 365 * 100 + whole", whole="0") == 3153600000
    assert value("length(text) * 2000000000", text="'ab'") == 4000000000
    born, now = "DATE '1940-01-01'", "TIMESTAMPTZ '2021-01-01 00:00Z'"
    assert value("days_between(start, as_of) * 86400", start=born, as_of=now) == 2556230400


def test_parentheses_keep_their_meaning() -> None:
    assert value("10 - (5 - 2)") == 7
    assert value("2 * (3 + 4)") == 14
    assert value("not (whole = 1 or whole = 2)", whole="2") is False


def test_what_stands_inside_a_division_is_lowered_too() -> None:
    inside = value("1 / (1 / whole)", whole="4")
    assert inside == 4.0
    columns = {"start": "DATE '2021-01-01'", "as_of": "TIMESTAMPTZ '2021-01-04'"}
    assert value("days_between(start, as_of) / 2", **columns) == 1.5


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("1980-06-15", "2021-06-14", 40),
        ("1980-06-15", "2021-06-15", 41),
        ("1988-02-29", "2021-02-28", 32),
        ("1988-02-29", "2021-03-01", 33),
        ("1988-02-29", "2024-02-29", 36),
        ("2020-12-31", "2021-01-01", 0),
        ("2021-01-01", "2021-01-01", 0),
    ],
)
def test_years_between_are_completed_calendar_years(start: str, end: str, expected: int) -> None:
    assert years(start, end) == expected


def test_a_start_in_the_year_3021_is_no_years_and_never_minus_a_thousand() -> None:
    assert years("3021-09-18", "2021-09-18") is None


def test_years_and_days_of_an_unknown_date_are_null() -> None:
    assert value("years_between(start, as_of)", start="NULL::DATE", as_of="now()") is None
    assert value("days_between(as_of, start)", start="NULL::DATE", as_of="now()") is None


def test_days_between_counts_midnights_in_utc() -> None:
    asked = "TIMESTAMPTZ '2021-03-02 00:30:00+02:00'"
    assert value("days_between(start, as_of)", start="DATE '2021-03-01'", as_of=asked) == 0
    later = "TIMESTAMPTZ '2021-03-02 00:30:00+00:00'"
    assert value("days_between(start, as_of)", start="DATE '2021-03-01'", as_of=later) == 1


def test_days_between_crosses_a_leap_day() -> None:
    asked = {"start": "DATE '2020-02-28'", "as_of": "TIMESTAMPTZ '2020-03-01'"}
    assert value("days_between(start, as_of)", **asked) == 2
    assert value("days_between(as_of, start)", **asked) is None


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC), -1),
        (datetime(3021, 9, 18, 0, 0, 0, 1, UTC), 33_188_832_000_000_001),
        (datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), 0),
    ],
)
def test_microseconds_of_an_instant_are_exact(instant: datetime, expected: int) -> None:
    assert micros(instant) == expected


def test_an_instant_survives_its_microseconds_on_duckdb() -> None:
    instant = datetime(2021, 3, 1, 12, 0, 0, 123_457, UTC)
    there = DUCKDB.from_micros(str(micros(instant)))
    with session() as connection:
        sql = f"SELECT {there} AS there, {DUCKDB.epoch_micros(there)} AS back"
        rows = connection.sql(sql).to_arrow_table().to_pylist()
    assert rows == [{"there": instant, "back": micros(instant)}]


def test_the_day_of_a_date_begins_at_midnight_utc() -> None:
    with session() as connection:
        midnight = DUCKDB.epoch_micros("DATE '2021-03-01'")
        row = connection.execute(f"SELECT {midnight}").fetchone()
    assert row == (micros(datetime.combine(date(2021, 3, 1), datetime.min.time(), UTC)),)
