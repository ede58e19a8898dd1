"""Materialize what a project declares and what live releases read; drop what none reads."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any

import pyarrow.compute as pc

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.compiler.features import CompiledView
from hindcast.compiler.query import Knowledge
from hindcast.compiler.union import may_join
from hindcast.data import services
from hindcast.data.live import Live, LiveVersion, find
from hindcast.data.materialize import MaterializeReport, materialize
from hindcast.engines.base import Engine
from hindcast.engines.raw import check_declared
from hindcast.errors import HindcastError, InputError, NotFoundError, first_line
from hindcast.stores.lake import Lake
from hindcast.stores.ledger import Ledger
from hindcast.stores.online import OnlineStore, Swap, ViewVersion
from hindcast.telemetry import Progress

# How long a version stays online after its last refresh, once no live release reads it: time to go
# back to a release that is neither the champion nor the one before.
KEEP_UNREAD = timedelta(days=7)


@dataclass(frozen=True)
class RefreshReport:
    """What was written, view by view.

    dropped: view versions that nothing reads any more. unreadable: live releases whose views could
    not be computed, and why. waiting: views without any event yet, which are left for later.
    """

    as_of: datetime
    known_by: datetime
    views: tuple[MaterializeReport, ...]
    dropped: tuple[str, ...]
    unreadable: Mapping[str, str]
    waiting: tuple[str, ...]


@dataclass(frozen=True)
class Pass:
    """One pass over a source's history: a view, and the other versions computed beside it.

    is_declared: whether the project has the view as it is, or only live releases do.
    """

    view: CompiledView
    others: tuple[LiveVersion, ...]
    is_declared: bool = True

    @property
    def offline_table(self) -> str:
        """The offline table's name: the view's, or one of its own where it is an older version."""
        view = self.view
        name = view.view.name
        return name if self.is_declared else names.online_relation(name, view.definition_hash)


@dataclass(frozen=True)
class Refresher:
    """Materializes passes as one knowledge allows, each a run in the ledger.

    The run's id is the materialization's, so that an answer leads to what was known.
    """

    engine: Engine
    lake: Lake
    store: OnlineStore
    ledger: Ledger
    knowledge: Knowledge
    force: bool = False
    progress: Progress | None = None

    def run_all(self, wanted: Sequence[Pass]) -> list[MaterializeReport]:
        """Compute each pass; raises, once all were tried, an error that names those that failed."""
        done, failed = list[MaterializeReport](), list[tuple[Pass, HindcastError]]()
        for each in wanted:
            try:
                done.append(self.run(each))
            except HindcastError as error:
                failed.append((each, error))
        if failed:
            raise _failure(failed, of=len(wanted))
        return done

    def run(self, wanted: Pass) -> MaterializeReport:
        """Compute one pass; raises what materialize and raw.check_declared raise."""
        view = wanted.view.view
        clocks = {"as_of": self.knowledge.as_of, "known_by": self.knowledge.known_by}
        parameters = {"view": view.name, "engine": self.engine.name, **clocks}
        with self.ledger.run("materialize", parameters) as run:
            if wanted.is_declared:
                check_declared([view.source], self.lake)
            report = materialize(
                wanted.view,
                self.engine,
                self.lake,
                self.store,
                self.knowledge,
                others=wanted.others,
                offline_table=wanted.offline_table,
                run_id=run.id,
                force=self.force,
                progress=self.progress,
            )
            run.inputs[f"{names.RAW}/{view.source.name}"] = {"version": report.raw_version}
            run.outputs.update(asdict(report))
            run.announce("FeaturesRefreshed", view.name, self._news(report))
        return report

    def _news(self, report: MaterializeReport) -> Mapping[str, Any]:
        return {
            "view": report.view,
            "definition_hash": report.definition_hash,
            "run": report.run_id,
            "as_of": self.knowledge.as_of,
            "known_by": self.knowledge.known_by,
            "events": report.events,
            "entities": report.entities,
        }


def refresh(
    application: Application,
    views: Sequence[str] | None,
    engine: Engine,
    knowledge: Knowledge,
    *,
    also: Sequence[str] = (),
    force: bool = False,
    progress: Progress | None = None,
) -> RefreshReport:
    """Materialize views by name, or all declared, and the versions that live releases read.

    also: releases by id or version whose versions are computed as well, so that they may be rolled
    out. A view that fails does not stop the others; one that never had an event waits, unless it is
    named or all do. Raises InputError where there is no view, and what materialize and live.find
    raise.
    """
    store, ledger = application.store, application.ledger
    declared = list(application.project.views.values())
    named = None if views is None else [application.project.view(name) for name in views]
    chosen = _due(application, declared) if named is None else named
    elsewhere = {each.view.name for each in declared} - {each.view.name for each in chosen}
    live = find(ledger, application.releases, declared, also)
    wanted = [each for each in live.versions if each.view.view.name not in elsewhere]
    refresher = Refresher(engine, application.lake, store, ledger, knowledge, force, progress)
    due = passes(chosen, wanted)
    if not due:
        raise InputError(
            f"{application.project.folder}: the project has no feature view, so there is "
            "nothing to materialize; run: hindcast train"
        )
    try:
        written = tuple(refresher.run_all(due))
    finally:  # Those of the views that did not fail.
        services.put_online(application.project, store)
    return RefreshReport(
        as_of=knowledge.as_of,
        known_by=knowledge.known_by,
        views=written,
        dropped=tuple(drop_unread(store, declared, live)),
        unreadable=live.unreadable,
        waiting=tuple(sorted(elsewhere)) if named is None else (),
    )


def _due(application: Application, declared: Sequence[CompiledView]) -> Sequence[CompiledView]:
    """The views that were online before or have an event now; all, where none has."""
    online = {version.view for version in application.store.materialized()}
    lake = application.lake
    due = [each for each in declared if each.view.name in online or _has_events(lake, each)]
    return due or declared


def _has_events(lake: Lake, view: CompiledView) -> bool:
    """Whether the view's source holds any row with its entity's key."""
    source = view.view.source
    raw, keys = lake.find(names.RAW, source.name), source.key_columns(view.view.of)
    if raw is None or not {*keys} <= {column.name for column in raw.schema().fields}:
        return False
    keyed = reduce(and_, (pc.field(key).is_valid() for key in keys))
    return bool(raw.to_pyarrow_dataset().head(1, columns=[*keys], filter=keyed).num_rows)


def _failure(failed: Sequence[tuple[Pass, HindcastError]], of: int) -> HindcastError:
    """What the only pass raised; of several, one error of the first's kind."""
    first = failed[0][1]
    if of == 1:
        return first
    reasons = (f"feature view '{each.view.view.name}': {first_line(e)}" for each, e in failed)
    return type(first)(f"{len(failed)} of {of} not refreshed: {'; '.join(reasons)}")


def passes(declared: Sequence[CompiledView], live: Iterable[LiveVersion]) -> list[Pass]:
    """The fewest passes that compute every view declared and every version that is live.

    What reads no source that a declared view reads, such as a version of a view that the project
    dropped, is computed by passes of its own, after the others.
    """
    own = {view.definition_hash for view in declared}
    found = {view.definition_hash: (view, list[LiveVersion]()) for view in declared}
    for version in live:
        if version.view.definition_hash in own:
            continue
        lead = next((one for one, _ in found.values() if may_join(one, version.view)), None)
        if lead is None:
            found[version.view.definition_hash] = (version.view, [])
        else:
            found[lead.definition_hash][1].append(version)
    return [Pass(view, tuple(others), digest in own) for digest, (view, others) in found.items()]


def drop_unread(
    store: OnlineStore,
    declared: Iterable[CompiledView],
    live: Live,
    after: timedelta = KEEP_UNREAD,
) -> list[str]:
    """Drop versions that no project, service or live release reads, so long after their last swap.

    Gives their names; one that is read or loaded at this moment is left for the next time.
    """
    # The clock that told when they were swapped.
    now = store.clock()
    kept = {*live.definition_hashes, *services.definition_hashes(store)}
    kept |= {view.definition_hash for view in declared}
    old = [
        version
        for version, swap in store.materialized().items()
        if version.definition_hash not in kept and now - swap.swapped_at > after
    ]
    return [str(version) for version in old if store.drop(version)]


def roll_back(application: Application, view: str | None) -> list[Swap]:
    """Serve what was served before the last refresh: of a view, or all, every version in use.

    Versions without an earlier table stay as they are; raises NotFoundError where all are.
    """
    project, store = application.project, application.store
    declared = [project.view(view)] if view else list(project.views.values())
    live = find(application.ledger, application.releases, project.views.values())
    meant = [each.view.name for each in declared]
    own = [v.view for v in live.versions if v.view.view.name in meant]
    versions = dict.fromkeys(ViewVersion.of(each) for each in (*declared, *own))
    back = [version for version in versions if store.has_earlier(version)]
    if not back:
        raise NotFoundError(
            f"feature view {' or '.join(sorted(meant))} has no earlier online table to go back to"
        )
    swaps = []
    for name in dict.fromkeys(version.view for version in back):
        with application.ledger.run("materialize", {"view": name, "rollback": True}) as run:
            done = [store.rollback(version) for version in back if version.view == name]
            run.outputs["swaps"] = {str(swap.of): swap.run_id for swap in done}
            swaps += done
    return swaps
