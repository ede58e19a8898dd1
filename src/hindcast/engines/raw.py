"""A source's raw table by its schema: later columns are null in older rows, wider ones cast."""

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from hindcast import datatypes, names
from hindcast.compiler.dialects import Dialect
from hindcast.datatypes import BIGINT, STRING, TIMESTAMP, DataType
from hindcast.definitions import Source
from hindcast.errors import InputError
from hindcast.stores import widening
from hindcast.stores.lake import Lake, check_identity

_OWN = {
    names.RECORDED_AT: TIMESTAMP,
    names.INGESTED_AT: TIMESTAMP,
    names.FILE: STRING,
    names.ROW: BIGINT,
    names.RETRACTION: STRING,
}


def columns(source: Source) -> dict[str, DataType]:
    """Every column of the source's raw table, Hindcast's own ones last."""
    digest = {} if source.has_tiebreaker else {names.EVENT_DIGEST: STRING}
    own = {name: kind for name, kind in (_OWN | digest).items() if name not in source.types}
    return {**source.types, **own}


def identity(source: Source) -> str:
    """What tells the source's events apart, as its raw table says it."""
    keys = ", ".join(source.key_columns(source.first))
    tie = f"tiebreaker {source.tiebreaker}" if source.has_tiebreaker else "no tiebreaker"
    return f"key {keys}, event timestamp {source.event_timestamp}, {tie}"


def check_declared(
    sources: Iterable[Source], lake: Lake, versions: Mapping[str, int] | None = None
) -> None:
    """Raise InputError where a raw table has other events, or wider types, than a project declares.

    versions: of the tables, by source; the newest by default. A release reads a table all the
    same, by the types that it was trained on.
    """
    for source in {each.name: each for each in sources}.values():
        version = (versions or {}).get(source.name)
        table = lake.find(names.RAW, source.name, version=version)
        if table is not None:
            check_identity(table, identity(source))
            _check_types(table, source)


def _check_types(table: DeltaTable, source: Source) -> None:
    held = pa.schema(table.schema())
    for name, kind in columns(source).items():
        for place in widening.places(held, name).values():
            if not widening.holds(kind.arrow(), place):
                raise widening.refusal(table, name, place, kind.arrow())
        if kind.is_array and name in held.names:
            _check_length(table, name, kind)


def _check_length(table: DeltaTable, name: str, kind: DataType) -> None:
    """Raise InputError where arrays are declared of another length than the first one held.

    All that came in have one length, which no type of the table says.
    """
    rows = table.to_pyarrow_dataset()
    for first in rows.head(1, columns=[name], filter=pc.field(name).is_valid())[name]:
        if len(first) != kind.size:
            raise InputError(
                f"{widening.where(table)}: column '{name}' holds double[{len(first)}] and is now "
                f"declared {kind}; keep the type, or add a column of another name"
            )


def selection(raw: DeltaTable, source: Source | None, dialect: Dialect, relation: str) -> str:
    """SELECT of what `relation` holds of a raw table, by the schema that the source has.

    Without a source, the table as it is. A value that was recorded in a wider type later, and that
    the source's type does not hold, is null. Raises InputError naming a column that never had the
    source's type, and where a double would round.
    """
    held = pa.schema(raw.schema())
    if source is None:
        return f"SELECT * FROM {relation}"
    wanted = columns(source)
    selected = [dialect.quote(name) for name in widening.columns(held) if name not in wanted]
    selected += [
        f"{_read(raw, name, kind, dialect)} AS {dialect.quote(name)}"
        for name, kind in wanted.items()
    ]
    return f"SELECT {', '.join(selected)} FROM {relation}"


def unheld(raw: DeltaTable, source: Source, dialect: Dialect) -> dict[str, str]:
    """Column -> SQL of how many values it has that the source's narrower type does not hold."""
    held, found = pa.schema(raw.schema()), dict[str, str]()
    for name, kind in columns(source).items():
        places = widening.places(held, name)
        wider = [each for each, k in places.items() if not widening.holds(kind.arrow(), k)]
        if wider:
            given = " OR ".join(f"{dialect.quote(place)} IS NOT NULL" for place in wider)
            read = _read(raw, name, kind, dialect)
            found[name] = f"COUNT(CASE WHEN ({given}) AND {read} IS NULL THEN 1 END)"
    return found


def _read(raw: DeltaTable, name: str, wanted: DataType, dialect: Dialect) -> str:
    """SQL of a column's values out of its places; no row has a value in more than one."""
    places = widening.places(pa.schema(raw.schema()), name)
    if not places:
        return dialect.cast("NULL", wanted)
    if not any(widening.holds(wanted.arrow(), kind) for kind in places.values()):
        raise widening.refusal(raw, name, next(iter(places.values())), wanted.arrow())
    values = [_value(raw, name, place, wanted, dialect) for place in places]
    return f"COALESCE({', '.join(values)})" if len(values) > 1 else values[0]


def _value(raw: DeltaTable, name: str, place: str, wanted: DataType, dialect: Dialect) -> str:
    """SQL of what a place holds in the wanted type; null where the type does not hold it."""
    kind, quoted = pa.schema(raw.schema()).field(place).type, dialect.quote(place)
    held = datatypes.of_arrow(kind)
    if held == wanted:
        return quoted
    if wanted.is_array and kind == wanted.arrow():
        return quoted
    if held is not None and wanted.holds(held):
        widening.check_rounding(raw, place, kind, wanted.arrow())
        return dialect.cast(quoted, wanted)
    if held is None or not held.holds(wanted):
        raise widening.refusal(raw, name, kind, wanted.arrow())
    narrow = f"TRY_{dialect.cast(quoted, wanted)}"
    return f"CASE WHEN {dialect.cast(narrow, held)} = {quoted} THEN {narrow} END"
