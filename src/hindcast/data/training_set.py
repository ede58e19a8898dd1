"""The training set: labelled events as the spine of the one query."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from hindcast import names
from hindcast.compiler import query
from hindcast.compiler.features import CompiledFeature, CompiledView
from hindcast.compiler.query import IS_MATURE, Knowledge
from hindcast.data import known_then
from hindcast.data import spine as spines
from hindcast.data.differences import different_shares
from hindcast.data.spine import INSTANT
from hindcast.data.training_rows import TrainingSet
from hindcast.definitions import ColdStart, Model
from hindcast.engines.base import Engine, RawTable
from hindcast.project import Project
from hindcast.stores.lake import Lake

# Why a labelled event is no training row.
NOT_MATURE = "label not mature yet"
NO_HISTORY = "no earlier event"


def build(
    view: CompiledView,
    read: Sequence[str],
    label_matures: timedelta,
    cold_start: ColdStart,
    engine: Engine,
    lake: Lake,
    knowledge: Knowledge,
    version: int | None = None,
) -> TrainingSet:
    """Key, event timestamp, tiebreaker, features, label of every event whose label has matured.

    Rows are ordered by key, event timestamp, tiebreaker. read: the features that the model reads.
    cold_start: "refuse" leaves events without an earlier one out, as serving answers none.
    version: of the raw table; the newest by default. Each row knows what its own instant knew,
    where knowledge says so and the source declares when it learned of its records; and where the
    view declares when it is refreshed, what the last refresh before its instant knew.
    """
    source = view.view.source
    raw = lake.open(names.RAW, source.name, fix="run: hindcast ingest FILE", version=version)
    per_row = knowledge.per_row and source.recorded_at is not None
    rows = _Rows(view, engine, raw, replace(knowledge, per_row=per_row))
    labelled = rows.labelled(label_matures)
    mature = labelled.filter(labelled[IS_MATURE]).drop_columns([IS_MATURE])
    exact = rows.as_known_then(mature)
    served = rows.as_refreshed(exact)
    left_out, usable = {NOT_MATURE: len(labelled) - len(mature)}, served
    if cold_start == "refuse":
        usable = served.filter(served[names.HAS_HISTORY])
        left_out[NO_HISTORY] = len(served) - len(usable)
    return TrainingSet(
        table=usable.drop_columns([names.HAS_HISTORY]),
        view=view,
        features=tuple(view.feature(name) for name in read),
        inputs={f"{names.RAW}/{source.name}": {"version": raw.version()}},
        knowledge=rows.knowledge,
        cold_start=cold_start,
        left_out=left_out,
        revised=different_shares(mature, exact, read),
        outdated=different_shares(exact, served, read),
    )


@dataclass(frozen=True)
class _Rows:
    """Labelled events with features, as each of the steps of a training set computes them."""

    view: CompiledView
    engine: Engine
    raw: RawTable
    knowledge: Knowledge

    def labelled(self, matures: timedelta) -> pa.Table:
        """Every labelled event, by one knowledge for all."""
        sql = query.training_set(self.view, self.engine.dialect, self.knowledge, matures)
        return self.engine.query(sql, self.raw, source=self.view.view.source)

    def as_known_then(self, rows: pa.Table) -> pa.Table:
        """The rows, each by its own knowledge where it is less than the one for all."""
        instants = rows[names.EVENT_TIMESTAMP].cast(INSTANT).combine_chunks()
        ties = rows[names.TIEBREAKER].combine_chunks()
        spine = self._spine(rows, instants, tiebreakers=ties)
        return known_then.correct(self.view, self.engine, self.raw, rows, spine)

    def as_refreshed(self, rows: pa.Table) -> pa.Table:
        """The rows as of the last refresh before them, but ages as of their own instants."""
        schedule = self.view.view.schedule
        if schedule is None:
            return rows
        instants = rows[names.EVENT_TIMESTAMP].cast(INSTANT).combine_chunks()
        micros = instants.cast(pa.int64()).to_numpy(zero_copy_only=False)
        refreshed = pa.array(micros - (micros - schedule.offset) % schedule.period).cast(INSTANT)
        spine = self._spine(rows, refreshed, asked_at=instants)
        found = known_then.features(self.view, self.engine, self.raw, spine)
        return known_then.with_columns(rows, found.drop_columns([self.view.key, names.AS_OF]))

    def _spine(self, rows: pa.Table, as_of: pa.Array, **given: pa.Array) -> pa.Table:
        known = pa.repeat(pa.scalar(self.knowledge.known_by, INSTANT), len(rows))
        if self.knowledge.per_row:
            known = pc.if_else(pc.less(as_of, known), as_of, known)
        keys = rows[self.view.key].combine_chunks()
        return spines.typed(self.view, keys, as_of, known, **given)


def of(
    model: Model,
    project: Project,
    engine: Engine,
    lake: Lake,
    knowledge: Knowledge,
    version: int | None = None,
) -> TrainingSet:
    """The training set of a project's model; version: of the raw table, by default the newest."""
    view = project.view(model.features.view.name)
    read, matures = model.features.names, model.label_matures
    return build(view, read, matures, model.cold_start, engine, lake, knowledge, version)


def features(model: Model, project: Project) -> tuple[CompiledFeature, ...]:
    """The features that a project's model reads, in its order."""
    view = project.view(model.features.view.name)
    return tuple(view.feature(name) for name in model.features.names)
