"""The training set: labelled events as the spine of the one query, over every view of a service."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hindcast import names
from hindcast.compiler.features import CompiledFeature, CompiledView
from hindcast.compiler.labelled import Labelled
from hindcast.compiler.ordering import Ordering
from hindcast.compiler.query import Knowledge
from hindcast.compiler.service import CompiledService
from hindcast.data import arrays, derived, examples, known_then
from hindcast.data import spine as spines
from hindcast.data.differences import differing
from hindcast.data.examples import Examples
from hindcast.data.spine import INSTANT
from hindcast.data.training_rows import TrainingSet
from hindcast.definitions import ColdStart, Model, Source
from hindcast.engines.base import Engine, RawTable
from hindcast.engines.raw import check_declared
from hindcast.formats.spine_file import Rows
from hindcast.project import Project
from hindcast.stores.lake import Lake

# Why a labelled event is no training row.
NO_HISTORY = "no earlier event"


def build(
    service: CompiledService,
    labelled: Labelled,
    cold_start: ColdStart,
    engine: Engine,
    lake: Lake,
    knowledge: Knowledge,
    versions: Mapping[str, int] | None = None,
    spine: Rows | None = None,
) -> TrainingSet:
    """Keys, event timestamp, tiebreaker, features, label of every event whose label has matured.

    Rows are ordered by the first entity's key, event timestamp, tiebreaker. cold_start: "refuse"
    leaves out events that no view has an earlier one for, as serving answers none. versions: of raw
    tables by source; the newest by default. Each row knows what its own instant knew, where
    knowledge says so and the source declares when it learned of its records; and where a view
    declares when it is refreshed, what the last refresh before its instant knew. spine: a caller's
    rows with their labels, in their order, in place of the events.
    """
    raw = _raw_tables(service, labelled if spine is None else None, lake, versions or {})
    if spine is None:
        rows = examples.of_events(service, labelled, engine, raw, knowledge)
    else:
        rows = examples.of_file(service, labelled, spine, knowledge)
    found = {
        view.view.name: _Rows(view, engine, raw[view.view.source.name], knowledge, labelled, rows)
        for view in service.views
    }
    computed = {name: each.computed() for name, each in found.items()}
    columns = {name: rows.table[name] for name in service.given}
    for view in service.views:
        served = computed[view.view.name].served
        columns.update({name: served[name] for name in service.read_of(view)})
    asked_at = rows.asked_at(labelled.label.ahead)
    features = derived.features(service, pa.table(columns), asked_at)
    for view in service.views:  # What metrics may be sliced by, though the model does not read it.
        served = computed[view.view.name].served
        for feature in view.features:
            if feature.name not in features.column_names and not feature.datatype.is_array:
                features = features.append_column(feature.name, served[feature.name])
    features = arrays.spread(features, service.features)
    data = _assembled(service, labelled, cold_start, rows, features, computed, raw, knowledge)
    return data if spine is None else replace(data, inputs={**data.inputs, **_said(spine)})


def _raw_tables(
    service: CompiledService, labelled: Labelled | None, lake: Lake, versions: Mapping[str, int]
) -> dict[str, RawTable]:
    """The raw table of every source that is read, by its name."""
    fix = "run: hindcast ingest FILE"
    return {
        each.name: lake.open(names.RAW, each.name, fix=fix, version=versions.get(each.name))
        for each in _sources(service, labelled)
    }


def _sources(service: CompiledService, labelled: Labelled | None) -> list[Source]:
    """Every source that is read."""
    own = [labelled.events, labelled.labels] if labelled else []
    return [*(view.view.source for view in service.views), *own]


def _said(spine: Rows) -> dict[str, dict[str, str]]:
    """What a release says of the file that it was trained on."""
    return {f"{names.SPINE}/{spine.name}": {"sha256": spine.digest}}


@dataclass(frozen=True)
class _Computed:
    """A view's features of rows, with _has_history: by one knowledge for all, by each row's own,
    and as the last refresh before a row had them."""

    single: pa.Table
    exact: pa.Table
    served: pa.Table


@dataclass(frozen=True)
class _Rows:
    """Labelled events with a view's features, as each of the steps of a training set has them."""

    view: CompiledView
    engine: Engine
    raw: RawTable
    knowledge: Knowledge
    labelled: Labelled
    examples: Examples

    def computed(self) -> _Computed:
        """The view's features of every row, of each step."""
        spine = self._spine(self.asked_at, **self._as_event())
        if self.view is self.examples.lead:
            single = self.examples.table
        else:
            single = known_then.at_once(self.view, self.engine, self.raw, spine)
        exact = known_then.correct(self.view, self.engine, self.raw, single, spine)
        return _Computed(single, exact, self._as_refreshed(exact))

    @property
    def asked_at(self) -> pa.Array:
        """When each question is asked."""
        return self.examples.asked_at(self.labelled.label.ahead)

    def _as_event(self) -> dict[str, Any]:
        """What tells the rows apart in the view's own history, where they are events of it."""
        events, is_file = self.labelled.events, self.examples.known_by is not None
        if is_file or self.view.view.source.name != events.name or self.labelled.label.ahead:
            return {}
        table = self.examples.table
        firsts = [table[key].combine_chunks() for key in events.first.keys]
        return {
            "tiebreakers": table[names.TIEBREAKER].combine_chunks(),
            "identity": firsts if Ordering.of(self.view.view).identity else (),
        }

    def _as_refreshed(self, rows: pa.Table) -> pa.Table:
        """The rows as of the last refresh before them, but ages as of their own instants."""
        schedule = self.view.view.schedule
        if schedule is None:
            return rows
        micros = self.asked_at.cast(pa.int64()).to_numpy(zero_copy_only=False)
        refreshed = pa.array(micros - (micros - schedule.offset) % schedule.period).cast(INSTANT)
        spine = self._spine(refreshed, asked_at=self.asked_at)
        found = known_then.features(self.view, self.engine, self.raw, spine)
        return known_then.with_columns(rows, found.drop_columns([*self.view.keys, names.AS_OF]))

    def _spine(self, as_of: pa.Array, **given: Any) -> pa.Table:
        known = pa.repeat(pa.scalar(self.knowledge.known_by, INSTANT), len(as_of))
        if self.knowledge.per_row and self.view.view.source.recorded_at is not None:
            known = pc.if_else(pc.less(as_of, known), as_of, known)
        if self.examples.known_by is not None:
            known = pc.coalesce(self.examples.known_by, known)
        keys = {key: self.examples.table[key].combine_chunks() for key in self.view.keys}
        return spines.typed(self.view, keys, as_of, known, **given)


def _assembled(
    service: CompiledService,
    labelled: Labelled,
    cold_start: ColdStart,
    rows: Examples,
    features: pa.Table,
    computed: Mapping[str, _Computed],
    raw: Mapping[str, RawTable],
    knowledge: Knowledge,
) -> TrainingSet:
    """The training set of computed features; rows that serving would refuse are left out."""
    entities = labelled.events.columns_by_entity
    keys = dict.fromkeys(key for entity in entities for key in entity.keys)
    columns = {
        **{
            name: rows.table[name]
            for name in (*keys, names.EVENT_TIMESTAMP, names.TIEBREAKER)
            if name in rows.table.column_names
        },
        **{name: features[name] for name in features.column_names},
        names.LABEL: rows.table[names.LABEL],
    }
    read = {view.view.name: service.read_of(view) for view in service.views}
    is_revised, is_outdated = {}, {}
    for name, each in computed.items():
        is_revised.update(differing(each.single, each.exact, read[name]))
        is_outdated.update(differing(each.exact, each.served, read[name]))
    recorded = [view.view.source.recorded_at for view in service.views]
    per_row = knowledge.per_row and any(each is not None for each in recorded)
    data = TrainingSet(
        table=pa.table(columns),
        service=service,
        labelled=labelled,
        inputs={f"{names.RAW}/{name}": {"version": t.version()} for name, t in raw.items()},
        knowledge=replace(knowledge, per_row=per_row),
        cold_start=cold_start,
        left_out=dict(rows.left_out),
        is_revised=is_revised,
        is_outdated=is_outdated,
    )
    if cold_start == "answer" or not computed:
        return data
    seen = reduce(pc.or_, [each.served[names.HAS_HISTORY] for each in computed.values()])
    return data.only(np.asarray(seen), NO_HISTORY)


def of(
    model: Model,
    project: Project,
    engine: Engine,
    lake: Lake,
    knowledge: Knowledge,
    versions: Mapping[str, int] | None = None,
    spine: Rows | None = None,
) -> TrainingSet:
    """The training set of a project's model; versions: of raw tables, by default the newest.

    spine: a caller's rows with their labels in place of the source's events. Raises what
    raw.check_declared raises.
    """
    service, labelled = project.service_of(model), project.labelled(model)
    read = _sources(service, labelled if spine is None else None)
    check_declared(read, lake, versions)
    return build(service, labelled, model.cold_start, engine, lake, knowledge, versions, spine)


def check_whole(
    model: Model, project: Project, lake: Lake, spine: Rows | None, versions: Mapping[str, int]
) -> None:
    """Raise DamagedError unless every byte of the raw tables that `of` reads is as recorded."""
    labelled = project.labelled(model) if spine is None else None
    for name in {each.name for each in _sources(project.service_of(model), labelled)}:
        lake.check_whole(names.RAW, name, version=versions.get(name))


def features(model: Model, project: Project) -> tuple[CompiledFeature, ...]:
    """The features that a project's model reads, in its order."""
    return project.service_of(model).features
