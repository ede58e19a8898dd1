"""A source's schema and checks -> the SQL that reads a file: values, reasons, counts."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from hindcast import names
from hindcast.compiler import expressions, values
from hindcast.compiler.dialects import DUCKDB
from hindcast.compiler.quoting import literal
from hindcast.compiler.typing import infer
from hindcast.datatypes import BOOLEAN, STRING
from hindcast.definitions import Check, Source
from hindcast.definitions.formats import Values
from hindcast.errors import DefinitionError

# Columns of the ingest query beside the source's own.
REASON, FIELD, VALUE, RECORD = "_reason", "_field", "_value", "_record"
OWN = (
    *(names.RECORDED_AT, names.INGESTED_AT, names.FILE, names.ROW, names.RETRACTION),
    *(names.EVENT_DIGEST, REASON, FIELD, VALUE, RECORD),
)
# In bytes: Postgres indexes no more than 2,704, a few of them its own.
_LONGEST_KEY = 2600
# The row as it was read; no column that is declared has such a name.
_READ = DUCKDB.quote("\x1frow as read")


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
    for name in OWN:
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
    checks, form = compile_checks(source), _form(source)
    quote = DUCKDB.quote
    parsed = ", ".join(
        f"{values.parsed(_given(name, quote(name), source, found), kind, found[name], form)} "
        f"AS {quote(name)}"
        for name, kind in source.types.items()
    )
    faults = [*_parse_faults(source, found), *_reject_faults(source, checks)]
    columns = [_checked(name, checks) for name in source.types]
    if source.recorded_at and source.recorded_at != names.RECORDED_AT:
        columns.append(f"CAST({quote(source.recorded_at)} AS TIMESTAMPTZ) AS {names.RECORDED_AT}")
    if not source.has_tiebreaker:
        columns.append(f"{_digest(source)} AS {names.EVENT_DIGEST}")
    counted = [c for c in checks if c.check.on_fail != "reject"]
    columns += [quote(c.fails) for c in counted]
    flags = [f"{_failed(c, source)} AS {quote(c.fails)}" for c in counted]
    text = f"SELECT {_READ}, {parsed} FROM {relation} AS {_READ}"
    judged = f"SELECT {', '.join(['*', *flags])} FROM ({text})"
    return (
        f"SELECT {', '.join([*columns, *_fault_columns(faults)])}, CASE WHEN {REASON} IS NOT NULL "
        f"THEN CAST(to_json({_READ}) AS VARCHAR) END AS {RECORD} FROM ({judged}) AS _parsed"
    )


def _digest(source: Source) -> str:
    """What rows have in common that are equal in every column but when they were learned of.

    A column that is null adds nothing, so that one declared later changes no older event's.
    """
    texts = (
        f"{literal(f'{name}=')} || CAST(_parsed.{DUCKDB.quote(name)} AS VARCHAR)"
        for name in sorted(source.types.keys() - {source.recorded_at})
    )
    return f"md5(concat_ws(chr(31), {', '.join(texts)}))"


def _compile(check: Check, source: Source) -> CompiledCheck:
    where = f"source '{source.name}', check '{check.expression}'"
    tree = expressions.parse(check.expression, where)
    expressions.require_columns(tree, source.types, check.expression, where)
    instead = "its length and its numbers are checked without a check"
    expressions.require_no_arrays(tree, source.types, check.expression, where, instead)
    if expressions.aggregates(tree) or expressions.mentions_as_of(tree):
        raise DefinitionError(f"{where}: a check sees one row; remove the aggregate or as_of")
    mentioned = expressions.columns(tree)
    field = check.field or (mentioned[0] if mentioned else "")
    if field not in source.types:
        raise DefinitionError(
            f"{where}: field '{field}' is not in the schema; name one of its columns"
        )
    if check.on_fail == "null" and field in source.required:
        raise DefinitionError(
            f"{where}: '{field}' cannot be emptied, as every row needs it; use on_fail='reject'"
        )
    try:
        kind = infer(tree, source.types)
    except DefinitionError as error:
        raise DefinitionError(f"{where}: {error}") from error
    if kind != BOOLEAN:
        raise DefinitionError(f"{where}: it is {kind}, not a condition; compare it to something")
    return CompiledCheck(check, tree, field)


def _parse_faults(source: Source, found: Mapping[str, str]) -> list[_Fault]:
    faults = []
    for name, kind in source.types.items():
        value = DUCKDB.quote(name)
        raw = _given(name, f"{_READ}.{value}", source, found)
        shown = values.refusal(name, raw, kind, found[name], _form(source))
        if not (kind == STRING and found[name] == "VARCHAR"):
            faults.append(_Fault(f"{raw} IS NOT NULL AND {value} IS NULL", name, shown))
        if name in source.required:
            faults.append(_Fault(f"{raw} IS NULL", name, literal(f"{name} is missing")))
        if kind == STRING:
            faults += _text_faults(name, value, is_key=name in source.keys)
    return faults


def _form(source: Source) -> Values:
    return source.format or Values()


def _given(name: str, column: str, source: Source, found: Mapping[str, str]) -> str:
    """A column of the file, null where it has a word for null."""
    return values.given(column, found[name], _form(source))


def _text_faults(name: str, value: str, is_key: bool) -> list[_Fault]:
    """What Postgres cannot hold, and would stop every materialization from then on."""
    holds_nul = literal(f"{name} holds NUL, which no store can")
    faults = [_Fault(f"contains({value}, chr(0))", name, holds_nul)]
    if is_key:
        limit = f"' bytes; a key may have {_LONGEST_KEY}'"
        reason = f"{literal(f'{name} has ')} || strlen({value}) || {limit}"
        faults.append(_Fault(f"strlen({value}) > {_LONGEST_KEY}", name, reason))
    return faults


def _reject_faults(source: Source, checks: tuple[CompiledCheck, ...]) -> list[_Fault]:
    return [
        _Fault(
            _failed(check, source),
            check.field,
            _quoting(
                check.field,
                f"{_READ}.{DUCKDB.quote(check.field)}",
                f'breaks check "{check.check.expression}"',
            ),
        )
        for check in checks
        if check.check.on_fail == "reject"
    ]


def _fault_columns(faults: list[_Fault]) -> list[str]:
    reasons = ", ".join(f"CASE WHEN {fault.condition} THEN {fault.reason} END" for fault in faults)
    fields = " ".join(f"WHEN {fault.condition} THEN {literal(fault.field)}" for fault in faults)
    shown = " ".join(
        f"WHEN {fault.condition} THEN CAST({_READ}.{DUCKDB.quote(fault.field)} AS VARCHAR)"
        for fault in faults
    )
    broken = " OR ".join(f"({fault.condition})" for fault in faults)
    return [
        f"CASE WHEN {broken} THEN concat_ws('; ', {reasons}) END AS {REASON}",
        f"CASE WHEN {REASON} IS NOT NULL THEN CASE {fields} END END AS {FIELD}",
        f"CASE WHEN {REASON} IS NOT NULL THEN CASE {shown} END END AS {VALUE}",
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


def _quoting(name: str, value: str, fault: str) -> str:
    """The SQL of a reason that quotes a column's value, which is SQL itself."""
    return f"""{literal(f"{name} '")} || {value} || {literal(f"' {fault}")}"""
