"""Expressions -> SQL text that means the same in DuckDB, Spark and Postgres."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlglot import exp

from hindcast.compiler import arithmetic, casts, digits, functions, spelling
from hindcast.compiler.functions import Function
from hindcast.compiler.quoting import identifier, literal
from hindcast.compiler.typing import Types, infer
from hindcast.datatypes import BIGINT, DATE, DOUBLE, DataType

_SIGNS: dict[type[exp.Expression], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Dialect:
    """One engine's spelling of what sqlglot does not decide for us.

    epoch_micros: SQL of a timestamp -> SQL of its microseconds since 1970 UTC, and
    from_micros back; to_date: SQL of a UTC instant -> SQL of its date; to_utc: -> SQL of the time
    that a clock in UTC shows, without a zone, and from_utc back.
    """

    name: str
    epoch_micros: Callable[[str], str]
    from_micros: Callable[[str], str]
    to_date: Callable[[str], str]
    to_utc: Callable[[str], str]
    from_utc: Callable[[str], str]

    def last_value(self, sql: str) -> str:
        """The window function for the last value that is not null."""
        inside = f"{sql}, TRUE" if self.name == "spark" else f"{sql} IGNORE NULLS"
        return f"LAST_VALUE({inside})"

    def quote(self, name: str) -> str:
        """An identifier, quoted."""
        return identifier(name, self.name)

    def literal(self, text: str) -> str:
        """A text in quotes."""
        return literal(text, self.name)

    def cast(self, sql: str, datatype: DataType) -> str:
        """A cast to a canonical type."""
        return f"CAST({sql} AS {datatype.sql(self.name)})"

    def render(
        self,
        tree: exp.Expression,
        types: Types,
        columns: Mapping[str, str] | None = None,
        whole: DataType = BIGINT,
    ) -> str:
        """The SQL text of a checked expression, with our semantics made explicit.

        columns: column -> the SQL to put in its place; any other is quoted. whole: the type that
        whole numbers are reckoned in, BIGINT or digits.WIDE.
        """
        return self._sql(self._lower(tree, types, columns or {}, whole))

    def overflows(
        self,
        tree: exp.Expression,
        types: Types,
        columns: Mapping[str, str] | None = None,
        whole: DataType = BIGINT,
    ) -> list[str]:
        """SQL of whether some operation on whole numbers in the tree overflows, one by one."""
        found = []
        for node in digits.too_large(tree, types, whole):
            result = self.render(node, types, columns, whole)
            given = [self.render(n, types, columns, whole) for n in node.iter_expressions()]
            is_given = " AND ".join(f"{sql} IS NOT NULL" for sql in given)
            found.append(f"({result} IS NULL AND {is_given})")
        return found

    def _sql(self, lowered: exp.Expression) -> str:
        return lowered.sql(dialect=self.name, identify=True)

    def _lower(
        self, node: exp.Expression, types: Types, columns: Mapping[str, str], whole: DataType
    ) -> exp.Expression:
        """Bottom up; types are inferred from what the definition says, not from what is made."""
        lowered = node.copy()
        written = list(node.iter_expressions())
        for before, after in zip(written, list(lowered.iter_expressions()), strict=True):
            after.replace(self._lower(before, types, columns, whole))
        if isinstance(node, exp.Column) and node.name in columns:
            return exp.var(columns[node.name])
        function = functions.of(node)
        if function is not None:
            return exp.var(self._called(function, node, lowered, types))
        if isinstance(node, exp.Cast):
            return exp.var(self._cast(node, lowered, types))
        if isinstance(node, tuple(_SIGNS)):
            return exp.var(self._reckon(lowered, infer(node, types), whole))
        if isinstance(node, (exp.Neg, exp.Abs)) and infer(node, types) == BIGINT:
            return exp.var(self._whole_sign(lowered, whole))
        self._make_comparable(node, lowered, types, whole)
        return _numbers(lowered)

    def _reckon(self, node: exp.Expression, datatype: DataType, whole: DataType) -> str:
        """Arithmetic in doubles where the meaning says so, else whole; by zero is null."""
        sign, is_whole = _SIGNS[type(node)], datatype == BIGINT
        kind = whole if is_whole else datatype
        left, right = (self.cast(self._sql(n), kind) for n in (node.this, node.expression))
        if is_whole:
            return arithmetic.whole(self.name, sign, left, right)
        divisor = f"NULLIF({right}, 0)" if sign == "/" else right
        return arithmetic.real(self.name, sign, left, divisor)

    def _whole_sign(self, node: exp.Expression, whole: DataType) -> str:
        """-x and abs(x) of a whole number; null of the least, whose opposite has no 64 bits."""
        sql = self.cast(self._sql(node.this), whole)
        opposite = arithmetic.whole(self.name, "-", self.cast("0", whole), sql)
        if isinstance(node, exp.Neg):
            return opposite
        return f"CASE WHEN {sql} < 0 THEN {opposite} ELSE {sql} END"

    def _make_comparable(
        self, node: exp.Expression, lowered: exp.Expression, types: Types, whole: DataType
    ) -> None:
        """Numbers that no one decimal holds meet as doubles; the engines would stop at them."""
        groups = zip(digits.meetings(node), digits.meetings(lowered), strict=True)
        for written, made in groups:
            for operand in [] if digits.fit_together(written, types, whole) else made:
                operand.replace(exp.var(self.cast(self._sql(operand), DOUBLE)))

    def _called(
        self, function: Function, node: exp.Expression, lowered: exp.Expression, types: Types
    ) -> str:
        """A function of what its arguments have become."""
        kinds = [infer(each, types) for each in functions.arguments(node)]
        given = [self._sql(each) for each in functions.arguments(lowered)]
        if isinstance(node, exp.TimestampTrunc):
            return spelling.truncated(self, given[0], kinds[0], functions.unit(node))
        if isinstance(node, exp.Round) and len(kinds) > 1:
            return casts.spell(self, given[0], kinds[0], infer(node, types))
        return spelling.SPELLINGS[function.name](self, given, kinds)

    def _cast(self, node: exp.Expression, lowered: exp.Expression, types: Types) -> str:
        literal = casts.literal(node)
        if isinstance(literal, datetime):
            return self.from_micros(str(micros(literal)))
        if literal is not None:
            return self.cast(f"'{literal.isoformat()}'", DATE)
        given = infer(node.this, types)
        return casts.spell(self, self._sql(lowered.this), given, casts.target(node))


def _numbers(node: exp.Expression) -> exp.Expression:
    """Literals in 64 bits; left alone, the engines take what each likes."""
    if isinstance(node, exp.Literal) and not node.is_string and not node.is_int:
        return exp.cast(node.copy(), exp.DataType.Type.DOUBLE)
    return node


# Casts between timestamps with and without a zone go through a calendar in DuckDB; these do not.
DUCKDB = Dialect(
    "duckdb",
    epoch_micros=lambda sql: f"epoch_us({sql})",
    from_micros=lambda sql: f"make_timestamptz({sql})",
    to_date=lambda sql: f"CAST(make_timestamp(epoch_us({sql})) AS DATE)",
    to_utc=lambda sql: f"make_timestamp(epoch_us({sql}))",
    from_utc=lambda sql: f"make_timestamptz(epoch_us({sql}))",
)
SPARK = Dialect(
    "spark",
    epoch_micros=lambda sql: f"UNIX_MICROS(CAST({sql} AS TIMESTAMP))",
    from_micros=lambda sql: f"TIMESTAMP_MICROS({sql})",
    to_date=lambda sql: f"CAST({sql} AS DATE)",
    # Its sessions are in UTC.
    to_utc=lambda sql: f"CAST({sql} AS TIMESTAMP)",
    from_utc=lambda sql: sql,
)
POSTGRES = Dialect(
    "postgres",
    epoch_micros=lambda sql: f"CAST(EXTRACT(EPOCH FROM {sql}) * 1000000 AS BIGINT)",
    from_micros=lambda sql: f"to_timestamp({sql} / 1000000.0)",
    # The session's time zone must not matter, and setting it would pin a proxy's connection.
    to_date=lambda sql: f"CAST(({sql} AT TIME ZONE 'UTC') AS DATE)",
    to_utc=lambda sql: f"({sql} AT TIME ZONE 'UTC')",
    from_utc=lambda sql: f"({sql} AT TIME ZONE 'UTC')",
)
DIALECTS = {dialect.name: dialect for dialect in (DUCKDB, SPARK, POSTGRES)}


def micros(instant: datetime) -> int:
    """Microseconds since 1970 of a timezone-aware instant."""
    delta = instant - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
