"""cast(x as type): what it gives, alike in every engine, and why some are refused."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from sqlglot import exp

from hindcast import datatypes
from hindcast.datatypes import BIGINT, BOOLEAN, DATE, DOUBLE, STRING, TIMESTAMP, DataType
from hindcast.errors import DefinitionError

if TYPE_CHECKING:
    from hindcast.compiler.dialects import Dialect

_DECLARE = "declare the column's type in the source's schema"
# (from, to) -> what to write instead, where the engines would not agree.
_INSTEAD = {
    ("double", "string"): "round it and cast that to bigint first",
    ("timestamp", "string"): "use year(t), month(t) and the like, or cast it to date first",
    ("double", "decimal"): "keep the double, or use round(x * 100) / 100",
    ("string", "bigint"): _DECLARE,
    ("string", "double"): _DECLARE,
    ("string", "decimal"): _DECLARE,
    ("string", "boolean"): "compare it, as in x = 'yes'",
    ("string", "date"): f"{_DECLARE}, or write date '2020-01-31'",
    ("string", "timestamp"): f"{_DECLARE}, or write timestamp '2020-01-31 12:00:00'",
}
_NUMBERS = ("bigint", "double", "decimal")
_POSSIBLE = {
    *((one, other) for one in ("boolean", *_NUMBERS) for other in ("boolean", *_NUMBERS)),
    *((one, "string") for one in ("boolean", "bigint", "decimal", "date")),
    ("date", "timestamp"),
    ("timestamp", "date"),
} - _INSTEAD.keys()  # fmt: skip
_FIRST, _BEYOND = -(2**63), 2**63
_KINDS = {
    exp.DType.BIGINT: BIGINT,
    exp.DType.INT: BIGINT,
    exp.DType.DOUBLE: DOUBLE,
    exp.DType.FLOAT: DOUBLE,
    exp.DType.BOOLEAN: BOOLEAN,
    exp.DType.TEXT: STRING,
    exp.DType.VARCHAR: STRING,
    exp.DType.DATE: DATE,
    exp.DType.TIMESTAMP: TIMESTAMP,
    exp.DType.TIMESTAMPNTZ: TIMESTAMP,
    exp.DType.TIMESTAMPTZ: TIMESTAMP,
}


def target(node: exp.Expression) -> DataType:
    """The type that a cast is to; raises DefinitionError for one that definitions do not have."""
    wanted = node.args["to"]
    if wanted.this == exp.DType.DECIMAL and len(wanted.expressions) == 2:
        digits = ",".join(each.sql() for each in wanted.expressions)
        return datatypes.parse(f"decimal({digits})")
    if wanted.this not in _KINDS:
        raise DefinitionError(
            f"'{wanted.sql()}' is not a type of definitions; cast to bigint, double, decimal(p,s), "
            "boolean, string, date or timestamp"
        )
    return _KINDS[wanted.this]


def literal(node: exp.Expression) -> date | datetime | None:
    """What date '2020-01-31' or timestamp '...' (UTC) writes out; None for another cast.

    Raises DefinitionError where the text is none.
    """
    wanted = target(node)
    if wanted not in (DATE, TIMESTAMP) or not node.this.is_string:
        return None
    text = str(node.this.this)
    try:
        if wanted == DATE:
            return date.fromisoformat(text)
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise DefinitionError(f"'{text}' is not a {wanted}; write it as 2020-01-31") from error
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def rounded(given: DataType, digits: int) -> DataType:
    """What round(x, digits) gives; raises DefinitionError for a double, which has no exact digits.

    A digit more before the point, as 9.99 is 10.0.
    """
    if given == DOUBLE:
        scale = f"1{'0' * digits}"
        raise DefinitionError(
            f"the engines round a double to digits differently; write "
            f"round(x * {scale}) / {scale}, or declare the column as a decimal"
        )
    if given.kind != "decimal" or digits >= given.scale:
        return given
    return DataType("decimal", given.precision - given.scale + digits + 1, digits)


def problem(given: DataType, wanted: DataType) -> str | None:
    """Why a cast is refused, and what to write instead; None where it is not."""
    pair = (given.kind, wanted.kind)
    if given == wanted or pair in _POSSIBLE:
        return None
    reason = f"the engines cast {given} to {wanted} differently"
    return (
        f"{reason}; {_INSTEAD[pair]}" if pair in _INSTEAD else f"{given} cannot be cast to {wanted}"
    )


def spell(dialect: "Dialect", sql: str, given: DataType, wanted: DataType) -> str:
    """The SQL of a cast that is not refused; null where the value does not fit the type.

    To bigint, digits after the point are cut off; to decimal, half is rounded away from 0.
    """
    if given == wanted:
        return sql
    if wanted == BOOLEAN:
        return f"({sql} <> 0)"
    if given == BOOLEAN and wanted != STRING:
        sql, given = f"CASE WHEN {sql} THEN 1 WHEN NOT {sql} THEN 0 END", BIGINT
    if wanted == BIGINT and given != BIGINT:
        return _cut(dialect, sql, given)
    if wanted.kind == "decimal":
        return _rounded(dialect, sql, wanted)
    if wanted.kind == "timestamp":
        return dialect.from_micros(dialect.epoch_micros(sql))
    if given.kind == "timestamp":
        return dialect.to_date(sql)
    return dialect.cast(sql, wanted)


def _cut(dialect: "Dialect", sql: str, given: DataType) -> str:
    """A whole number without the digits after the point; null beyond 64 bits."""
    # Spark cuts by itself, and knows no function for it.
    whole = sql if dialect.name == "spark" else f"TRUNC({sql})"
    if given != DOUBLE and dialect.name != "postgres":
        return f"TRY_CAST({whole} AS BIGINT)"
    # As doubles, 2^63 and the largest whole number are one, which Spark takes for the latter.
    number = DOUBLE.sql(dialect.name) if given == DOUBLE else "NUMERIC"
    first, beyond = (f"CAST('{bound}' AS {number})" for bound in (_FIRST, _BEYOND))
    return f"CASE WHEN {sql} >= {first} AND {sql} < {beyond} THEN CAST({whole} AS BIGINT) END"


def _rounded(dialect: "Dialect", sql: str, wanted: DataType) -> str:
    """A decimal; null beyond its digits."""
    if dialect.name != "postgres":
        return f"TRY_CAST({sql} AS {wanted.sql(dialect.name)})"
    number = f"ROUND(CAST({sql} AS NUMERIC), {wanted.scale})"
    fits = f"ABS({number}) < 1{'0' * (wanted.precision - wanted.scale)}"
    return f"CASE WHEN {fits} THEN {dialect.cast(number, wanted)} END"
