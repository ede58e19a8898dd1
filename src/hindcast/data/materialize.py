"""Materialize: compute views' features as of an instant, for the lake and the online store."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hindcast import names
from hindcast.compiler import query
from hindcast.compiler.dialects import DIALECTS
from hindcast.compiler.features import CompiledView
from hindcast.compiler.query import Knowledge
from hindcast.compiler.union import union
from hindcast.data.live import LiveVersion
from hindcast.engines.base import Computed, Engine, OfflineTarget, RawTable, Written
from hindcast.engines.raw import unheld
from hindcast.errors import InputError
from hindcast.stores.lake import Lake
from hindcast.stores.online import OnlineStore, ViewVersion
from hindcast.telemetry import Progress, Silent, step


@dataclass(frozen=True)
class VersionReport:
    """A version that live releases read, and the rows that were put online for them.

    overflows: feature -> entities for which it is null, for want of digits.
    """

    view: str
    definition_hash: str
    entities: int
    releases: tuple[str, ...]
    overflows: Mapping[str, int]


@dataclass(frozen=True)
class MaterializeReport:
    """What one materialization wrote. duplicates: events that a later record of them replaced.

    overflows: feature -> entities for which it is null, for want of digits. unheld: column ->
    values recorded in a wider type that the view's type does not hold, null to it.
    versions: others than the view's own that were computed in the same pass over the history.
    """

    view: str
    run_id: str
    events: int
    entities: int
    duplicates: int
    raw_version: int
    definition_hash: str
    overflows: Mapping[str, int]
    unheld: Mapping[str, int]
    versions: tuple[VersionReport, ...] = ()


def materialize(
    view: CompiledView,
    engine: Engine,
    lake: Lake,
    store: OnlineStore,
    knowledge: Knowledge,
    *,
    others: Sequence[LiveVersion] = (),
    offline_table: str | None = None,
    run_id: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> MaterializeReport:
    """Write the view's offline table; per version, load a new online table, check it and swap.

    others: versions that union.may_join allows beside the view; their features are computed in the
    same pass. offline_table: its name, by default the view's. force: swap although a new table
    looks unlike the one before; key and row count must hold all the same. Raises InputError when no
    event is known, OnlineCheckError when a new online table is refused.
    """
    watcher, source = progress or Silent(), view.view.source
    raw = lake.open(names.RAW, source.name, fix="run: hindcast ingest FILE")
    run_id = run_id or uuid.uuid4().hex[:12]
    views = [view, *(other.view for other in others)]
    joined = union(view, views[1:])
    stored = [*zip(views, joined.columns, strict=True)]
    sql = query.materialization(joined.view, engine.dialect, knowledge)
    with engine.compute(sql, raw, joined.view.view.source) as computed:
        name, said = (names.FEATURES, offline_table or view.view.name), view.view.name
        with step(watcher, f"compute {said} on {engine.name}, write it to the lake"):
            written = _write_offline(computed, view, lake, name, run_id)
        if not written.events:
            raise InputError(_nothing_known(source.name, knowledge))
        with step(watcher, "load the online store and swap"):
            publisher = _Publisher(computed, store, run_id, knowledge, force)
            entities = [publisher.publish(*each) for each in stored]
    lost = [_overflows(*each, written) for each in stored]
    return MaterializeReport(
        view=view.view.name,
        run_id=run_id,
        events=written.events,
        entities=entities[0],
        duplicates=written.records - written.events,
        raw_version=raw.version(),
        definition_hash=view.definition_hash,
        overflows=lost[0],
        unheld=_unheld(view, engine, raw),
        versions=tuple(map(_version, others, entities[1:], lost[1:])),
    )


def _write_offline(
    computed: Computed, view: CompiledView, lake: Lake, name: tuple[str, str], run_id: str
) -> Written:
    target = _target(view, lake.uri(*name), run_id)
    with lake.committing(*name) as metadata:
        return computed.write_offline(replace(target, metadata=metadata))


def _version(other: LiveVersion, entities: int, lost: Mapping[str, int]) -> VersionReport:
    view = other.view
    return VersionReport(view.view.name, view.definition_hash, entities, other.releases, lost)


def _overflows(view: CompiledView, columns: Mapping[str, str], written: Written) -> dict[str, int]:
    """Feature -> entity rows; a request-time feature for the worst of the inputs it reads."""
    reads = {
        feature.name: view.inputs_of(feature) if feature.kind == "request" else [feature]
        for feature in view.features
    }
    rows = {
        name: max((written.overflows.get(columns[each.name], 0) for each in stored), default=0)
        for name, stored in reads.items()
    }
    return {name: count for name, count in rows.items() if count}


def _unheld(view: CompiledView, engine: Engine, raw: RawTable) -> dict[str, int]:
    counts = unheld(raw, view.view.source, DIALECTS[engine.dialect])
    if not counts:
        return {}
    sql = ", ".join(f"{count} AS c{place}" for place, count in enumerate(counts.values()))
    [row] = engine.query(f"SELECT {sql} FROM raw", raw).to_pylist()
    return {name: n for name, n in zip(counts, row.values(), strict=True) if n}


def _nothing_known(source: str, knowledge: Knowledge) -> str:
    return (
        f"source '{source}' has no event before {knowledge.as_of.isoformat()} "
        f"known by {knowledge.known_by.isoformat()}; ingest older data, or move as_of"
    )


def _target(view: CompiledView, uri: str, run_id: str) -> OfflineTarget:
    constants = {names.RUN_ID: run_id, names.DEFINITION_HASH: view.definition_hash}
    return OfflineTarget(uri, view.offline_columns, constants)


@dataclass(frozen=True)
class _Publisher:
    """Puts the entity rows of one run online."""

    computed: Computed
    store: OnlineStore
    run_id: str
    knowledge: Knowledge
    force: bool

    def publish(self, view: CompiledView, columns: Mapping[str, str]) -> int:
        """Load a version's new table, check it, and swap the version onto it; returns its rows.

        columns: of the table -> of the computed rows.
        """
        self.store.ensure()
        version, stored = ViewVersion.of(view), view.online_columns
        loading = self.store.create_table(version, self.run_id, view.view.keys, stored)
        entities = self.computed.load_online(self.store, loading.table, columns)
        clocks = (self.knowledge.as_of, self.knowledge.known_by)
        self.store.publish(loading, *clocks, entities, self.force)
        return entities
