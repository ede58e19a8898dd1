"""A proposal of a source from one of its files: text to paste into definitions.py and to check."""

import json
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from hindcast import datatypes, names
from hindcast.compiler import checks, values
from hindcast.compiler.dialects import DUCKDB
from hindcast.datatypes import DataType
from hindcast.definitions import JsonLines
from hindcast.definitions.formats import Format, Values
from hindcast.definitions.sources import CLOCKS, KEYS, TIEBREAKERS
from hindcast.engines.duckdb import session
from hindcast.errors import InputError
from hindcast.formats import guess, likely
from hindcast.formats.objects import ending, local, name_of
from hindcast.formats.parquet import is_nested
from hindcast.formats.source_file import SourceFile

_LIKE_A_KEY = re.compile(r"(^|_)(id|key|code|number|no|uuid)$", re.IGNORECASE)
_WHOLE = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
)
_TYPED = {"BOOLEAN": "boolean", "DATE": "date", "DOUBLE": "double", "FLOAT": "double"}


@dataclass(frozen=True)
class ColumnProfile:
    """A column of the file: its type, its rows, those without a value, and its distinct values."""

    name: str
    kind: DataType
    rows: int
    nulls: int
    distinct: int

    @property
    def is_unique(self) -> bool:
        """Whether each row has a value of its own, strays aside."""
        return self.distinct >= self.rows * (1 - guess.STRAY)


@dataclass(frozen=True)
class _Roles:
    """The columns that a source names."""

    key: str
    event_timestamp: str
    tiebreaker: str | None
    recorded_at: str | None


def profile(file: str | Path) -> str:
    """The Python text of a source that a file of CSV, JSON lines or Parquet could be of.

    Raises InputError for a file that cannot be read, or has no column for a key or an instant.
    """
    name = name_of(file)
    with (
        local(file) as path,
        session() as connection,
        likely.opened(path, name, connection) as (opened, form),
    ):
        connection.execute(f"CREATE TABLE rows AS SELECT * FROM {opened.relation(connection)}")
        columns = list(_columns(opened, form, connection))
    roles = _roles(columns, name)
    # A column of this name that is no instant of every row cannot be declared.
    kept = [c for c in columns if c.name != names.RECORDED_AT or roles.recorded_at]
    return _text(name, kept, roles, form)


def _columns(
    file: SourceFile, form: Format, connection: duckdb.DuckDBPyConnection
) -> Iterator[ColumnProfile]:
    """The columns that a source can have: plain ones and arrays, with names not Hindcast's."""
    own = {names.AS_OF, *checks.OWN} - {names.RECORDED_AT}
    for name, found in file.types.items():
        if name in own or not name.isprintable():
            continue
        kind = _array(name, found, connection) if is_nested(found) else None
        if is_nested(found) and kind is None:
            continue
        kind = kind or _kind(name, found, form, connection)
        given = values.given(DUCKDB.quote(name), found, form)
        [(rows, nulls, distinct)] = connection.execute(
            f"SELECT count(*), count(*) - count({given}), count(DISTINCT {given}) FROM rows"
        ).fetchall()
        yield ColumnProfile(name, kind, rows, nulls, distinct)


def _kind(name: str, found: str, form: Format, connection: duckdb.DuckDBPyConnection) -> DataType:
    """The first type that all values of a column but strays are of; of a typed one, its own."""
    given = values.given(DUCKDB.quote(name), found, form)
    if found == "VARCHAR" or found in _WHOLE:
        for kind, condition in _conditions(given, found, form).items():
            fits = f"count(*) FILTER (coalesce({condition}, FALSE))"
            [(good, every)] = connection.execute(
                f"SELECT {fits}, count(*) FROM rows WHERE {given} IS NOT NULL"
            ).fetchall()
            if every and every - good <= every * guess.STRAY:
                return datatypes.parse(kind)
    if found.startswith("TIMESTAMP"):
        return datatypes.TIMESTAMP
    if found.startswith("DECIMAL"):
        return datatypes.parse(found.lower())
    return datatypes.parse("bigint" if found in _WHOLE else _TYPED.get(found, "string"))


def _array(name: str, found: str, connection: duckdb.DuckDBPyConnection) -> DataType | None:
    """What a column of lists is, where all have as many numbers; None where they do not."""
    if not values.is_list(found):
        return None
    column = DUCKDB.quote(name)
    [(size, most)] = connection.execute(
        f"SELECT min(len({column})), max(len({column})) FROM rows"
    ).fetchall()
    if size != most or not 1 <= (size or 0) <= datatypes.LONGEST_ARRAY:
        return None
    kind = DataType(datatypes.ARRAY, size=size)
    read = values.parsed(column, kind, found, Values())
    [(good, every)] = connection.execute(
        f"SELECT count({read}), count({column}) FROM rows"
    ).fetchall()
    return kind if every - good <= every * guess.STRAY else None


def _conditions(given: str, found: str, form: Format) -> Mapping[str, str]:
    """Type -> the condition under which a value is of it, in the order of trying."""
    is_read = {
        kind: f"{values.parsed(given, datatypes.parse(kind), found, form)} IS NOT NULL"
        for kind in ("date", "bigint", "double", "timestamp")
    }
    text = f"CAST({given} AS VARCHAR)"
    # The zeros before 007 are part of it.
    is_number = f"NOT regexp_matches({text}, '^[+-]?0[0-9]')"
    epoch = values.parsed(given, datatypes.TIMESTAMP, found, form)
    is_our_time = f"{epoch} BETWEEN TIMESTAMPTZ '2000-01-01' AND TIMESTAMPTZ '2100-01-01'"
    return {
        **({"timestamp": is_our_time} if form.epoch else {}),
        "date": is_read["date"],
        "bigint": f"{is_read['bigint']} AND {is_number}",
        "double": f"{is_read['double']} AND {is_number}",
        "boolean": f"lower({text}) IN ('true', 'false')",
        **({} if form.epoch else {"timestamp": is_read["timestamp"]}),
    }


def _roles(columns: Sequence[ColumnProfile], name: str) -> _Roles:
    """What each column seems to be; raises InputError where none can be a key or an instant."""
    whole = [column for column in columns if column.nulls <= column.rows * guess.STRAY]
    recorded = [c.name for c in whole if c.name == names.RECORDED_AT and c.kind.kind in CLOCKS]
    clocks = [c for c in whole if c.kind.kind in CLOCKS and c.name != names.RECORDED_AT]
    keys = [c for c in whole if c.kind.kind in KEYS and c.kind.kind not in CLOCKS]
    for wanted, found in (("a date or a timestamp", clocks), ("a whole number or text", keys)):
        if not found:
            raise InputError(
                f"{name}: no column is {wanted} in every row, and a source needs one; add it"
            )
    # Events differ in their instants more than in birthdays.
    event = max(clocks, key=lambda c: (c.kind == datatypes.TIMESTAMP, c.distinct))
    key = max(keys, key=lambda c: (bool(_LIKE_A_KEY.search(c.name)), not c.is_unique))
    others = [c for c in whole if c.kind.kind in TIEBREAKERS and c not in (event, key)]
    # Of columns that tell every row from another the one that is called as they are.
    unique = [c for c in [*others, key] if c.is_unique]
    order = max(unique, key=lambda c: bool(_LIKE_A_KEY.search(c.name)), default=None)
    return _Roles(
        key.name, event.name, order.name if order else None, recorded[0] if recorded else None
    )


def _text(name: str, columns: Sequence[ColumnProfile], roles: _Roles, form: Format) -> str:
    """The definition; its columns say in comments what share of them is null."""
    own = ending(name)
    source = _plain(Path(name).name.removesuffix(own) if own else Path(name).stem)
    called = {column.name: column.name.replace(".", "_") for column in columns}
    if isinstance(form, JsonLines):
        form = replace(form, paths={new: old for old, new in called.items() if new != old})
    declared = guess.declaration(form)
    files = [] if own and declared.endswith("()") else [f"    format={declared},"]
    kinds = sorted(["Entity", "Source", *([type(form).__name__] if files else [])])
    key = called[roles.key]
    entity = source if key == "id" else _plain(key.removesuffix("_id"))
    lines = [
        f"# Proposed from {name}; check what is the key, and which instant is the event's.",
        f"from hindcast.definitions import {', '.join(kinds)}",
        "",
        f"{_variable(source)} = Source(",
        f"    {_quoted(source)},",
        f"    entity=Entity({_quoted(entity)}, key={_quoted(key)}),",
        f"    event_timestamp={_quoted(called[roles.event_timestamp])},",
        _order_line(called[roles.tiebreaker] if roles.tiebreaker else None),
        *([f"    recorded_at={_quoted(roles.recorded_at)},"] if roles.recorded_at else []),
        *files,
        "    schema={",
        *(_schema_line(called[column.name], column) for column in columns),
        "    },",
        ")",
    ]
    return "\n".join(lines)


def _order_line(tiebreaker: str | None) -> str:
    if tiebreaker is None:
        return "    # No tiebreaker: no column tells every row from another."
    return f"    tiebreaker={_quoted(tiebreaker)},"


def _schema_line(name: str, column: ColumnProfile) -> str:
    share = f"  # {column.nulls / column.rows:.1%} null" if column.nulls else ""
    return f"        {_quoted(name)}: {_quoted(str(column.kind))},{share}"


def _quoted(text: str) -> str:
    """A text as Python has it, in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def _plain(text: str) -> str:
    """A name that definitions can have."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")[:63] or "events"


def _variable(name: str) -> str:
    """A name that Python can have."""
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"_{name}"
