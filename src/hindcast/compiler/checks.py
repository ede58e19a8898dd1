"""A source's schema and checks -> the SQL that reads a file: values, reasons, counts."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from hindcast import names
from hindcast.compiler import expressions
from hindcast.compiler.dialects import DUCKDB
from hindcast.compiler.typing import infer
from hindcast.datatypes import BOOLEAN, STRING, DataType
from hindcast.definitions import Check, Source
from hindcast.errors import DefinitionError

# Columns of the ingest query beside the source's own.
REASON, FIELD, VALUE, RECORD = "_reason", "_field", "_value", "_record"
_OWN = (
    *(names.RECORDED_AT, names.INGESTED_AT, names.FILE, names.ROW, names.RETRACTION),
    *(REASON, FIELD, VALUE, RECORD),
)
# In bytes: Postgres indexes no more than 2,704, a few of them its own.
_LONGEST_KEY = 2600
# The row as it was read; a name that no file has for a column.
_READ = DUCKDB.quote("row as read")


@dataclass(frozen=True)
class CompiledCheck:
    """A check with its tree and the field it reports, or empties with on_fail="null"."""

    check: Check
    tree: exp.Expression
    field: str

    @property
    def fails(self) -> str:
        """The boolean column of the ingest query that says whether it failed on a row."""
        return f"_fails: {self.check.expression}"


@dataclass(frozen=True)
class _Fault:
    condition: str
    field: str
    reason: str


def compile_checks(source: Source) -> tuple[CompiledCheck, ...]:
    """Check the checks; raises DefinitionError naming the source, the check and the fix."""
    for name in _OWN:
        if name in source.types and name != source.recorded_at:
            raise DefinitionError(
                f"source '{source.name}': column '{name}' is Hindcast's own; rename it, "
                "or declare it as recorded_at"
            )
    return tuple(_compile(check, source) for check in source.checks)


def ingest_query(source: Source, found: Mapping[str, str], relation: str) -> str:
    """SELECT over a file's rows, typed by the schema.

    found: column -> the DuckDB type it has in `relation`. Columns out: the schema's, recorded_at
    where the source declares it, _reason (null on accepted rows), _field, _value, _record (JSON of
    the row as it was read), and one boolean per check that nulls or warns.
    """
    checks = compile_checks(source)
    quote = DUCKDB.quote
    parsed = ", ".join(
        f"{_parse(quote(name), kind, found[name])} AS {quote(name)}"
        for name, kind in source.types.items()
    )
    faults = [*_parse_faults(source, found), *_reject_faults(source, checks)]
    columns = [_checked(name, checks) for name in source.types]
    if source.recorded_at and source.recorded_at != names.RECORDED_AT:
        columns.append(f"CAST({quote(source.recorded_at)} AS TIMESTAMPTZ) AS {names.RECORDED_AT}")
    counted = [c for c in checks if c.check.on_fail != "reject"]
    columns += [quote(c.fails) for c in counted]
    flags = [f"{_failed(c, source)} AS {quote(c.fails)}" for c in counted]
    text = f"SELECT {_READ}, {parsed} FROM {relation} AS {_READ}"
    judged = f"SELECT {', '.join(['*', *flags])} FROM ({text})"
    return (
        f"SELECT {', '.join([*columns, *_fault_columns(faults)])}, CASE WHEN {REASON} IS NOT NULL "
        f"THEN CAST(to_json({_READ}) AS VARCHAR) END AS {RECORD} FROM ({judged}) AS _parsed"
    )


def _compile(check: Check, source: Source) -> CompiledCheck:
    where = f"source '{source.name}', check '{check.expression}'"
    tree = expressions.parse(check.expression, where)
    expressions.require_columns(tree, source.types, check.expression, where)
    if expressions.aggregates(tree) or expressions.mentions_as_of(tree):
        raise DefinitionError(f"{where}: a check sees one row; remove the aggregate or as_of")
    mentioned = expressions.columns(tree)
    field = check.field or (mentioned[0] if mentioned else "")
    if field not in source.types:
        raise DefinitionError(f"{where}: field '{field}' is not in the schema; name a column")
    if check.on_fail == "null" and field in source.required:
        raise DefinitionError(f"{where}: '{field}' cannot be nulled, rows need it; reject instead")
    try:
        kind = infer(tree, source.types)
    except DefinitionError as error:
        raise DefinitionError(f"{where}: {error}") from error
    if kind != BOOLEAN:
        raise DefinitionError(f"{where}: it is {kind}, not a condition; compare it to something")
    return CompiledCheck(check, tree, field)


def _parse(column: str, kind: DataType, found: str) -> str:
    """A value of the declared type, null where the text is not one; nothing is rounded."""
    target = kind.sql("duckdb")
    if kind.kind == "double":
        cast = column if found == "DOUBLE" else f"TRY_CAST({column} AS DOUBLE)"
        # The cast alone would take 1_0 and +-5 for numbers.
        odd = f"(contains({column}, '_') OR contains({column}, '+-'))"
        written = "" if found != "VARCHAR" else f" AND NOT {odd}"
        return f"CASE WHEN isfinite({cast}){written} THEN {cast} END"
    is_same = found.replace(" ", "") in (target, _LONG_NAMES.get(target, target))
    text = column if found == "VARCHAR" else f"CAST({column} AS VARCHAR)"
    cast = column if is_same else f"TRY_CAST({text} AS {target})"
    if kind.kind in ("date", "timestamp"):
        whole = "" if is_same or kind.kind == "timestamp" else f"{_whole_day(column, found)} AND "
        # The years that Python has; a file of Arrow's or DuckDB's can hold others.
        last = "9999-12-31" if kind.kind == "date" else "9999-12-31 23:59:59.999999"
        years = f"BETWEEN {target} '0001-01-01' AND {target} '{last}'"
        return f"CASE WHEN {whole}{cast} {years} THEN {cast} END"
    if not is_same and kind.kind in ("bigint", "decimal"):
        # A CASE stops at the first that holds; an OR would evaluate all of them on every row.
        accepted = " ".join(f"WHEN {exact} THEN {cast}" for exact in _exact(kind, text, cast))
        return f"CASE {accepted} END"
    return cast


def _whole_day(column: str, found: str) -> str:
    """The condition under which a column of another type than date says a date and no more."""
    if found.startswith("TIMESTAMP"):
        # Pandas writes dates so; any other time of day would be lost.
        return f"CAST(CAST({column} AS DATE) AS TIMESTAMP) = {column}"
    return f"length(CAST({column} AS VARCHAR)) = 10"


def _exact(kind: DataType, text: str, cast: str) -> list[str]:
    """Conditions under which the cast of a number's text rounds nothing; the commonest first."""
    plain = f"NOT (contains({text}, 'e') OR contains({text}, 'E') OR contains({text}, '_'))"
    digits = f"length(rtrim(split_part({text}, '.', 2), '0 ')) <= {kind.scale}"
    if kind.kind == "bigint":
        # The cast alone would take 0x1F and 1_0 for numbers.
        number = f"regexp_full_match({text}, '\\s*[+-]?\\d*(\\.0*)?\\s*')"
        return [f"CAST({cast} AS VARCHAR) = {text}", number]
    short = f"strlen({text}) - instr({text}, '.') <= {kind.scale} AND {plain}"
    # A positive exponent only moves the point of a number that has none.
    whole = f"regexp_full_match({text}, '\\s*[+-]?\\d+([eE]\\+?\\d+)?\\s*')"
    return [short, f"{digits} AND {plain}", whole]


def _parse_faults(source: Source, found: Mapping[str, str]) -> list[_Fault]:
    faults = []
    for name, kind in source.types.items():
        raw, value = f"{_READ}.{DUCKDB.quote(name)}", DUCKDB.quote(name)
        shown = f"'{name} ''' || {raw} || ''' is not a {_described(kind)}'"
        if not (kind == STRING and found[name] == "VARCHAR"):
            faults.append(_Fault(f"{raw} IS NOT NULL AND {value} IS NULL", name, shown))
        if name in source.required:
            faults.append(_Fault(f"{raw} IS NULL", name, f"'{name} is missing'"))
        if kind == STRING:
            faults += _text_faults(name, value, is_key=name == source.entity.key)
    return faults


def _text_faults(name: str, value: str, is_key: bool) -> list[_Fault]:
    """What Postgres cannot hold, and would stop every materialization from then on."""
    faults = [_Fault(f"contains({value}, chr(0))", name, f"'{name} holds NUL, which no store can'")]
    if is_key:
        reason = f"'{name} has ' || strlen({value}) || ' bytes; a key may have {_LONGEST_KEY}'"
        faults.append(_Fault(f"strlen({value}) > {_LONGEST_KEY}", name, reason))
    return faults


def _reject_faults(source: Source, checks: tuple[CompiledCheck, ...]) -> list[_Fault]:
    return [
        _Fault(
            _failed(check, source),
            check.field,
            f"'{check.field} ''' || {_READ}.{DUCKDB.quote(check.field)} || ''' breaks check "
            f'"{_escape(check.check.expression)}"\'',
        )
        for check in checks
        if check.check.on_fail == "reject"
    ]


def _fault_columns(faults: list[_Fault]) -> list[str]:
    reasons = ", ".join(f"CASE WHEN {fault.condition} THEN {fault.reason} END" for fault in faults)
    fields = " ".join(f"WHEN {fault.condition} THEN '{fault.field}'" for fault in faults)
    values = " ".join(
        f"WHEN {fault.condition} THEN CAST({_READ}.{DUCKDB.quote(fault.field)} AS VARCHAR)"
        for fault in faults
    )
    broken = " OR ".join(f"({fault.condition})" for fault in faults)
    return [
        f"CASE WHEN {broken} THEN concat_ws('; ', {reasons}) END AS {REASON}",
        f"CASE WHEN {REASON} IS NOT NULL THEN CASE {fields} END END AS {FIELD}",
        f"CASE WHEN {REASON} IS NOT NULL THEN CASE {values} END END AS {VALUE}",
    ]


def _checked(name: str, checks: tuple[CompiledCheck, ...]) -> str:
    quoted = DUCKDB.quote(name)
    nulling = [c for c in checks if c.check.on_fail == "null" and c.field == name]
    if not nulling:
        return f"_parsed.{quoted}"
    flags = " OR ".join(DUCKDB.quote(check.fails) for check in nulling)
    return f"CASE WHEN NOT ({flags}) THEN _parsed.{quoted} END AS {quoted}"


def _failed(check: CompiledCheck, source: Source) -> str:
    return f"NOT COALESCE({DUCKDB.render(check.tree, source.types)}, TRUE)"


def _described(kind: DataType) -> str:
    return {
        "bigint": "whole number",
        "double": "finite number",
        "date": "date (YYYY-MM-DD)",
        "timestamp": "timestamp (ISO 8601)",
    }.get(kind.kind, str(kind))


def _escape(text: str) -> str:
    return text.replace("'", "''")


_LONG_NAMES = {"TIMESTAMPTZ": "TIMESTAMPWITHTIMEZONE"}
