"""Historical features of a spine, and the online rows of keys, as Arrow tables."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from hindcast import names
from hindcast.compiler.features import CompiledView
from hindcast.compiler.service import CompiledService, of_view
from hindcast.compiler.serving import serving_query
from hindcast.data import derived, known_then
from hindcast.data import spine as spines
from hindcast.data.online_rows import OnlineRows
from hindcast.data.spine import INSTANT
from hindcast.datatypes import DataType
from hindcast.engines.base import Engine
from hindcast.errors import InputError, NotFoundError
from hindcast.formats.spine_file import Rows
from hindcast.stores.lake import Lake
from hindcast.stores.online import OnlineStore, ViewVersion


@dataclass(frozen=True)
class Materialized:
    """What the online rows of one view were computed from: instant, knowledge, raw table's version.

    version: None where it was not recorded; then what was known says enough.
    """

    as_of: datetime
    known_by: datetime
    version: int | None


@dataclass(frozen=True)
class Retrieved:
    """Historical features: the spine's columns, then every feature, in the spine's order.

    seen: view -> per row, whether its key has an event before its instant. unknown_keys: how many
    rows' keys have none in any view before any of their instants.
    """

    table: pa.Table
    seen: Mapping[str, pa.ChunkedArray]
    unknown_keys: int

    @property
    def has_history(self) -> pa.ChunkedArray:
        """Per row, whether some view has an event of its key."""
        return _any(self.seen, self.table.num_rows)


def historical(
    asked: CompiledView | CompiledService,
    engine: Engine,
    lake: Lake,
    spine: pa.Table,
    known_by: datetime | None = None,
    versions: Mapping[str, int] | None = None,
) -> pa.Table:
    """The spine's columns, then every feature, row by row as of the row's own instant.

    spine: the keys; as_of or event_timestamp (dates and instants, UTC unless they say otherwise,
    or ISO 8601 text); maybe asked_at, when request-time features are evaluated at another
    instant; maybe known_by, what each row knows; values sent with the question; other columns are
    passed through. known_by: of rows that do not say; None is the row's own instant where the
    source says when its records were learned of, else all records. versions: of raw tables, by
    source; the newest by default.
    Raises InputError naming the row and column of what is no key, instant or value.
    """
    return retrieve(asked, engine, lake, Rows(spine), known_by, versions).table


def retrieve(
    asked: CompiledView | CompiledService,
    engine: Engine,
    lake: Lake,
    rows: Rows,
    known_by: datetime | None = None,
    versions: Mapping[str, int] | None = None,
) -> Retrieved:
    """What historical gives, with which rows have a history; errors name lines of rows' file."""
    service = _service(asked)
    spine = spines.read(service, rows)
    known_by, versions = _utc(known_by) if known_by else None, versions or {}

    def of_view(view: CompiledView) -> pa.Table:
        version = versions.get(view.view.source.name)
        return _of_view(view, engine, lake, spine.relation(view, known_by), version)

    return _joined(service, rows, spine, of_view)


def as_materialized(
    service: CompiledService,
    engine: Engine,
    lake: Lake,
    rows: Rows,
    materialized: Mapping[str, Materialized],
) -> Retrieved:
    """What the online store gave for rows, of each view as it was materialized.

    rows: keys, request values, asked_at.
    """
    spine = spines.read(service, rows)

    def of_view(view: CompiledView) -> pa.Table:
        made = materialized[view.view.name]
        stored = replace(spine, as_of=pa.repeat(pa.scalar(made.as_of, INSTANT), len(spine.as_of)))
        relation = stored.relation(view, made.known_by)
        return _of_view(view, engine, lake, relation, made.version)

    return _joined(service, rows, spine, of_view)


def _joined(
    service: CompiledService,
    rows: Rows,
    spine: spines.Spine,
    of_view: Callable[[CompiledView], pa.Table],
) -> Retrieved:
    """The features of every view, and what is derived from them, beside the rows."""
    found, seen = dict(spine.given), {}
    for view in service.views:
        columns = of_view(view)
        seen[view.view.name] = columns[names.HAS_HISTORY]
        found.update({name: columns[name] for name in service.read_of(view)})
    features = derived.features(service, pa.table(found), spine.evaluated_at)
    table = rows.table
    for feature in service.features:
        if feature.name not in table.column_names:
            values = features[feature.name].cast(feature.datatype.arrow())
            table = table.append_column(feature.name, values)
    return Retrieved(table, seen, _unknown(spine, seen))


def _of_view(
    view: CompiledView, engine: Engine, lake: Lake, spine: pa.Table, version: int | None
) -> pa.Table:
    """A view's features of each row of the query's spine, and _has_history."""
    source = view.view.source.name
    fix = "run: hindcast ingest FILE"
    raw = lake.open(names.RAW, source, fix=fix, version=version)
    return known_then.features(view, engine, raw, spine)


def _unknown(spine: spines.Spine, seen: Mapping[str, pa.ChunkedArray]) -> int:
    """How many different keys have no history in any view, in any row."""
    keys = pa.table(dict(spine.keys))
    known = _any(seen, keys.num_rows)
    every = keys.group_by(keys.column_names).aggregate([]).num_rows
    return int(every - keys.filter(known).group_by(keys.column_names).aggregate([]).num_rows)


def _any(seen: Mapping[str, pa.ChunkedArray], rows: int) -> pa.ChunkedArray:
    """Per row, whether some view has an event; a question of no view has none."""
    nothing = pa.chunked_array([pa.array([False] * rows, pa.bool_())])
    return reduce(pc.or_, seen.values(), nothing)


def _service(asked: CompiledView | CompiledService) -> CompiledService:
    return asked if isinstance(asked, CompiledService) else of_view(asked)


def online(
    asked: CompiledView | CompiledService,
    database_url: str,
    keys: Sequence[int | str],
    now: datetime,
) -> pa.Table:
    """The online row of each key, in their order; a key without one is a row of nulls.

    keys: values of the only key; or NAME=VALUE of each key and request value, for one row. Columns:
    keys, features (decimals as float64; request-time ones at `now`), features_as_of,
    materialization. Raises InputError naming the key that is none, NotFoundError where nothing
    is materialized, StoreUnavailableError.
    """
    service = _service(asked)
    return retrieve_online(service, database_url, Rows(_worded(service, keys), "keys"), now)


def _worded(service: CompiledService, keys: Sequence[int | str]) -> pa.Table:
    """The table that keys as a command or a program names them are."""
    inputs = (*service.keys, *service.given)
    words = [str(key).partition("=") for key in keys]
    if words and all(equals and name in inputs for name, equals, _ in words):
        return pa.table({name: [value] for name, _, value in words})
    if len(inputs) > 1:
        listed = " ".join(f"{name}=..." for name in inputs)
        raise InputError(f"'{service.name}' has several inputs; write {listed}, or a file of these")
    try:
        return pa.table({inputs[0]: pa.array(list(keys))})
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise InputError(f"keys: {error}; give whole numbers, or texts") from error


def retrieve_online(
    asked: CompiledView | CompiledService, database_url: str, rows: Rows, now: datetime
) -> pa.Table:
    """What online gives for the keys and request values of a table; errors name lines of its file.

    Columns: keys, request values, features, features_as_of, materialization.
    """
    service = _service(asked)
    inputs = {**spines.keys(service, rows), **spines.given(service, rows)}
    for view in service.views:
        _check_materialized(view, database_url)
    fields = [
        *(
            pa.field(feature.name, _served_type(feature.datatype))
            for feature in service.features
            if feature.name not in inputs  # A value sent with the question is there already.
        ),
        pa.field(names.FEATURES_AS_OF, INSTANT),
        pa.field(names.MATERIALIZATION, pa.string()),
    ]
    with closing(OnlineRows(database_url, service, serving_query(service))) as store:
        found, _ = store.read([*inputs.values()], _utc(now), pa.schema(fields))
    return pa.table({**inputs, **{name: found[name] for name in found.column_names}})


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
