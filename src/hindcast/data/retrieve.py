"""Historical features of a spine, and the online rows of keys, as Arrow tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hindcast import names
from hindcast.compiler.features import CompiledView
from hindcast.compiler.serving import serving_query
from hindcast.data import known_then
from hindcast.data import spine as spines
from hindcast.data.spine import INSTANT
from hindcast.datatypes import DataType
from hindcast.engines.base import Engine
from hindcast.errors import InputError, NotFoundError
from hindcast.formats.spine_file import Rows
from hindcast.serving import store as serving
from hindcast.stores.lake import Lake
from hindcast.stores.online import OnlineStore, ViewVersion

# Rows of one round trip to the online store.
BATCH_ROWS = 500


@dataclass(frozen=True)
class Retrieved:
    """Historical features: the spine's columns, then every feature, in the spine's order.

    has_history: per row, whether its key has an event before its instant. unknown_keys: how many
    keys have none before any of their instants.
    """

    table: pa.Table
    has_history: pa.ChunkedArray
    unknown_keys: int


def historical(
    view: CompiledView,
    engine: Engine,
    lake: Lake,
    spine: pa.Table,
    known_by: datetime | None = None,
    version: int | None = None,
) -> pa.Table:
    """The spine's columns, then every feature, row by row as of the row's own instant.

    spine: the key; as_of or event_timestamp (dates and instants, UTC unless they say otherwise,
    or ISO 8601 text); maybe asked_at, when request-time features are evaluated at another
    instant; maybe known_by, what each row knows; other columns are passed through. known_by: of
    rows that do not say; None is the row's own instant where the source says when its records were
    learned of, else all records. version: of the raw table; the newest by default.
    Raises InputError naming the row and column of what is no key or instant.
    """
    return retrieve(view, engine, lake, Rows(spine), known_by, version).table


def retrieve(
    view: CompiledView,
    engine: Engine,
    lake: Lake,
    spine: Rows,
    known_by: datetime | None = None,
    version: int | None = None,
) -> Retrieved:
    """What historical gives, with which rows have a history; errors name lines of spine's file."""
    relation = spines.relation(view, spine, _utc(known_by) if known_by else None)
    fix = "run: hindcast ingest FILE"
    raw = lake.open(names.RAW, view.view.source.name, fix=fix, version=version)
    found = known_then.features(view, engine, raw, relation)
    table = spine.table
    for feature in view.features:
        values = found[feature.name].cast(feature.datatype.arrow())
        table = table.append_column(feature.name, values)
    keys = relation[view.key]
    known = pc.count_distinct(keys.filter(found[names.HAS_HISTORY])).as_py()
    return Retrieved(table, found[names.HAS_HISTORY], pc.count_distinct(keys).as_py() - known)


def online(
    view: CompiledView, database_url: str, keys: Sequence[int | str], now: datetime
) -> pa.Table:
    """The online row of each key, in their order; a key without one is a row of nulls.

    Columns: key, features (decimals as float64; request-time ones at `now`), features_as_of,
    materialization. Raises InputError naming the key that is none, NotFoundError where nothing
    is materialized, StoreUnavailableError.
    """
    try:
        column = pa.array(list(keys))
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise InputError(f"keys: {error}; give whole numbers, or texts") from error
    return retrieve_online(view, database_url, Rows(pa.table({view.key: column}), "keys"), now)


def retrieve_online(view: CompiledView, database_url: str, keys: Rows, now: datetime) -> pa.Table:
    """What online gives for the key column of a table; errors name lines of its file."""
    wanted = spines.keys(view, keys)
    _check_materialized(view, database_url)
    fields = [
        pa.field(view.key, wanted.type),
        *(pa.field(feature.name, _served_type(feature.datatype)) for feature in view.features),
        pa.field(names.FEATURES_AS_OF, INSTANT),
        pa.field(names.MATERIALIZATION, pa.string()),
    ]
    rows = list(_read(view, database_url, wanted.to_pylist(), _utc(now)))
    columns = list(zip(*rows, strict=True)) or [()] * (len(fields) - 1)
    typed = [pa.array(c, field.type) for c, field in zip(columns, fields[1:], strict=True)]
    return pa.Table.from_arrays([wanted, *typed], schema=pa.schema(fields))


def _read(
    view: CompiledView, database_url: str, keys: Sequence[int | str], now: datetime
) -> Iterator[tuple[Any, ...]]:
    """Each key's row; nulls where there is none."""
    nothing = (None,) * (len(view.features) + 2)
    sql = serving_query(view, [feature.name for feature in view.features])
    store = serving.OnlineReader(database_url, sql)
    try:
        for start in range(0, len(keys), BATCH_ROWS):
            wanted = keys[start : start + BATCH_ROWS]
            rows = store.read_many(wanted, now)
            for key in wanted:
                yield tuple(rows[key].values()) if key in rows else nothing
    finally:
        store.close()


def _check_materialized(view: CompiledView, database_url: str) -> None:
    with OnlineStore(database_url) as store:
        materialized = store.materialized()
    if ViewVersion.of(view) not in materialized:
        older = any(version.view == view.view.name for version in materialized)
        state = "as it is defined now is not" if older else "is not"
        raise NotFoundError(
            f"feature view '{view.view.name}' {state} in the online store yet; "
            "run: hindcast materialize"
        )


def _served_type(datatype: DataType) -> pa.DataType:
    return pa.float64() if datatype.kind == "decimal" else datatype.arrow()


def _utc(instant: datetime) -> datetime:
    """An instant is in UTC unless it says otherwise."""
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
