"""Materialize: compute a view's features as of an instant, for the lake and the online store."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from hindcast import names
from hindcast.compiler import query
from hindcast.compiler.features import CompiledView
from hindcast.compiler.query import Knowledge
from hindcast.engines.base import Computed, Engine, OfflineTarget
from hindcast.errors import InputError
from hindcast.stores.lake import Lake
from hindcast.stores.online import OnlineStore, ViewVersion
from hindcast.telemetry import Progress, Silent, step


@dataclass(frozen=True)
class MaterializeReport:
    """What one materialization wrote. duplicates: events that a later record of them replaced."""

    view: str
    run_id: str
    as_of: datetime
    known_by: datetime
    events: int
    entities: int
    duplicates: int
    raw_version: int
    definition_hash: str


def materialize(
    view: CompiledView,
    engine: Engine,
    lake: Lake,
    store: OnlineStore,
    knowledge: Knowledge,
    *,
    run_id: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> MaterializeReport:
    """Write the offline table, load a new online table beside the current one, check and swap.

    force: swap although the new table looks unlike the one before; key and row count must
    hold all the same. Raises InputError when no event is known, OnlineCheckError when the
    new online table is refused.
    """
    watcher = progress or Silent()
    source = view.view.source
    raw = lake.open(names.RAW, source.name, fix="run: hindcast ingest FILE")
    run_id = run_id or uuid.uuid4().hex[:12]
    sql = query.materialization(view, engine.dialect, knowledge)
    with engine.compute(sql, raw, source) as computed:
        with step(watcher, f"compute {view.view.name} on {engine.name}, write it to the lake"):
            written = computed.write_offline(_target(view, lake, run_id))
        if not written.events:
            raise InputError(_nothing_known(source.name, knowledge))
        with step(watcher, "load the online store and swap"):
            entities = _publish(view, computed, store, run_id, knowledge, force)
    return MaterializeReport(
        view=view.view.name,
        run_id=run_id,
        as_of=knowledge.as_of,
        known_by=knowledge.known_by,
        events=written.events,
        entities=entities,
        duplicates=written.records - written.events,
        raw_version=raw.version(),
        definition_hash=view.definition_hash,
    )


def _nothing_known(source: str, knowledge: Knowledge) -> str:
    return (
        f"source '{source}' has no event before {knowledge.as_of.isoformat()} "
        f"known by {knowledge.known_by.isoformat()}; ingest older data, or move as_of"
    )


def _target(view: CompiledView, lake: Lake, run_id: str) -> OfflineTarget:
    constants = {names.RUN_ID: run_id, names.DEFINITION_HASH: view.definition_hash}
    return OfflineTarget(lake.uri(names.FEATURES, view.view.name), view.offline_columns, constants)


def _publish(
    view: CompiledView,
    computed: Computed,
    store: OnlineStore,
    run_id: str,
    knowledge: Knowledge,
    force: bool,
) -> int:
    """Load the new version's table, check it, and swap the view onto it; returns its rows."""
    store.ensure()
    loading = store.create_table(ViewVersion.of(view), run_id, view.key, view.online_columns)
    entities = computed.load_online(store, loading.table, list(view.online_columns))
    store.publish(loading, knowledge.as_of, knowledge.known_by, entities, force)
    return entities
