"""The training set: labelled events as the spine of the one query."""

from collections.abc import Sequence
from datetime import timedelta

import pyarrow as pa

from hindcast import names
from hindcast.compiler import query
from hindcast.compiler.features import CompiledView
from hindcast.compiler.query import IS_MATURE, Knowledge
from hindcast.data.training_rows import TrainingSet
from hindcast.definitions import ColdStart, Model
from hindcast.engines.base import Engine
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
    version: of the raw table; the newest by default.
    """
    raw = lake.open(
        names.RAW, view.view.source.name, fix="run: hindcast ingest FILE", version=version
    )
    sql = query.training_set(view, engine.dialect, knowledge, label_matures)
    labelled = engine.query(sql, raw, source=view.view.source)
    table, left_out = _usable(labelled, cold_start)
    return TrainingSet(
        table=table,
        view=view,
        features=tuple(view.feature(name) for name in read),
        inputs={f"{names.RAW}/{view.view.source.name}": {"version": raw.version()}},
        as_of=knowledge.as_of,
        known_by=knowledge.known_by,
        cold_start=cold_start,
        left_out=left_out,
    )


def _usable(labelled: pa.Table, cold_start: ColdStart) -> tuple[pa.Table, dict[str, int]]:
    """The rows to train on, and how many are left out for which reason."""
    left_out = {}
    wanted = {IS_MATURE: NOT_MATURE, names.HAS_HISTORY: NO_HISTORY}
    if cold_start == "answer":
        del wanted[names.HAS_HISTORY]
    for column, reason in wanted.items():
        kept = labelled.filter(labelled[column])
        left_out[reason] = len(labelled) - len(kept)
        labelled = kept
    return labelled.drop_columns([IS_MATURE, names.HAS_HISTORY]), left_out


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
