"""Functions -> SQL that gives the same in DuckDB, Spark and Postgres."""

import string
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hindcast.datatypes import BIGINT, DATE, DOUBLE, DataType

if TYPE_CHECKING:
    from hindcast.compiler.dialects import Dialect

# From here on a double has no digits after its point.
_WHOLE_DOUBLES = 2**53
# Beyond these e to the power of x leaves the doubles; Postgres raises there.
_LEAST_POWER, _GREATEST_POWER = -708, "709.782712893384"

Spelling = Callable[["Dialect", Sequence[str], Sequence[DataType]], str]


def _letters(given: str, made: str) -> Spelling:
    return lambda dialect, given_sql, kinds: f"TRANSLATE({given_sql[0]}, '{given}', '{made}')"


def _length(dialect: "Dialect", given: Sequence[str], kinds: Sequence[DataType]) -> str:
    return dialect.cast(f"LENGTH({given[0]})", BIGINT)


def _substr(dialect: "Dialect", given: Sequence[str], kinds: Sequence[DataType]) -> str:
    # A type of its own for the numbers: Postgres has no SUBSTR of 64 bits.
    return f"SUBSTR({', '.join([given[0], *(f'CAST({n} AS INT)' for n in given[1:])])})"


def _part(name: str) -> Spelling:
    def spell(dialect: "Dialect", given: Sequence[str], kinds: Sequence[DataType]) -> str:
        part = "DAYOFWEEK_ISO" if (dialect.name, name) == ("spark", "ISODOW") else name
        clock = given[0] if kinds[0] == DATE else dialect.to_utc(given[0])
        return dialect.cast(f"EXTRACT({part} FROM {clock})", BIGINT)

    return spell


def truncated(dialect: "Dialect", sql: str, datatype: DataType, unit: str) -> str:
    """The start of a date's or an instant's year, month, ...; of the same type."""
    if datatype == DATE:
        return f"CAST(DATE_TRUNC('{unit}', CAST({sql} AS TIMESTAMP)) AS DATE)"
    return dialect.from_utc(f"DATE_TRUNC('{unit}', {dialect.to_utc(sql)})")


def _years(dialect: "Dialect", given: Sequence[str], kinds: Sequence[DataType]) -> str:
    start, end = _dates(dialect, given, kinds)
    counted = f"(EXTRACT(YEAR FROM {end}) - EXTRACT(YEAR FROM {start}) - {_before(end, start)})"
    return dialect.cast(f"CASE WHEN {start} <= {end} THEN {counted} END", BIGINT)


def _before(one: str, other: str) -> str:
    """1 where one date comes earlier in its year than the other, else 0."""
    days = [f"(EXTRACT(MONTH FROM {x}) * 100 + EXTRACT(DAY FROM {x}))" for x in (one, other)]
    return f"CASE WHEN {days[0]} < {days[1]} THEN 1 ELSE 0 END"


def _days(dialect: "Dialect", given: Sequence[str], kinds: Sequence[DataType]) -> str:
    start, end = _dates(dialect, given, kinds)
    counted = f"DATEDIFF({end}, {start})" if dialect.name == "spark" else f"({end} - {start})"
    return dialect.cast(f"CASE WHEN {start} <= {end} THEN {counted} END", BIGINT)


def _dates(dialect: "Dialect", given: Sequence[str], kinds: Sequence[DataType]) -> list[str]:
    pairs = zip(given, kinds, strict=True)
    return [sql if kind == DATE else dialect.to_date(sql) for sql, kind in pairs]


def _elapsed(micros: int) -> Spelling:
    """Completed lengths of so many microseconds."""

    def spell(dialect: "Dialect", given: Sequence[str], kinds: Sequence[DataType]) -> str:
        start, end = map(dialect.epoch_micros, given)
        sign = {"duckdb": "//", "spark": "DIV", "postgres": "/"}[dialect.name]
        counted = f"({end} - {start}) {sign} {micros}"
        return dialect.cast(f"CASE WHEN {start} <= {end} THEN {counted} END", BIGINT)

    return spell


def _to_whole(template: str) -> Spelling:
    """A double made whole by a template over x; one that is large is whole already."""

    def spell(dialect: "Dialect", given: Sequence[str], kinds: Sequence[DataType]) -> str:
        if kinds[0] == BIGINT:
            return given[0]
        double = dialect.cast(given[0], DOUBLE)
        made = dialect.cast(template.format(x=double), DOUBLE)
        return f"CASE WHEN ABS({double}) < {_WHOLE_DOUBLES} THEN {made} ELSE {double} END"

    return spell


def _within(condition: str, function: str) -> Spelling:
    """A function of a double, null where the condition on x does not hold."""

    def spell(dialect: "Dialect", given: Sequence[str], kinds: Sequence[DataType]) -> str:
        double = dialect.cast(given[0], DOUBLE)
        return f"CASE WHEN {condition.format(x=double)} THEN {function}({double}) END"

    return spell


def _exp(dialect: "Dialect", given: Sequence[str], kinds: Sequence[DataType]) -> str:
    double = dialect.cast(given[0], DOUBLE)
    most, nothing = dialect.cast("'Infinity'", DOUBLE), dialect.cast("0", DOUBLE)
    return (
        f"CASE WHEN {double} > {_GREATEST_POWER} THEN {most} "
        f"WHEN {double} < {_LEAST_POWER} THEN {nothing} ELSE EXP({double}) END"
    )


SPELLINGS: dict[str, Spelling] = {
    "lower": _letters(string.ascii_uppercase, string.ascii_lowercase),
    "upper": _letters(string.ascii_lowercase, string.ascii_uppercase),
    "length": _length,
    "substr": _substr,
    "year": _part("YEAR"),
    "month": _part("MONTH"),
    "day": _part("DAY"),
    "day_of_week": _part("ISODOW"),
    "hour": _part("HOUR"),
    "years_between": _years,
    "days_between": _days,
    "hours_between": _elapsed(3_600_000_000),
    "seconds_between": _elapsed(1_000_000),
    "round": _to_whole("SIGN({x}) * (FLOOR(ABS({x})) + FLOOR((ABS({x}) - FLOOR(ABS({x}))) * 2))"),
    "floor": _to_whole("FLOOR({x})"),
    "ceil": _to_whole("CEIL({x})"),
    "ln": _within("{x} > 0", "LN"),
    "sqrt": _within("{x} >= 0", "SQRT"),
    "exp": _exp,
}
