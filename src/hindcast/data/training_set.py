"""The training set: labelled events as the spine of the one query."""

from collections.abc import Sequence
from datetime import timedelta

from hindcast import names
from hindcast.compiler import query
from hindcast.compiler.features import CompiledView
from hindcast.compiler.query import Knowledge
from hindcast.data.training_rows import TrainingSet
from hindcast.definitions import Model
from hindcast.engines.base import Engine
from hindcast.project import Project
from hindcast.stores.lake import Lake


def build(
    view: CompiledView,
    read: Sequence[str],
    label_matures: timedelta,
    engine: Engine,
    lake: Lake,
    knowledge: Knowledge,
    version: int | None = None,
) -> TrainingSet:
    """Key, event timestamp, tiebreaker, features, label of every event whose label has matured.

    Rows are ordered by key, event timestamp, tiebreaker. read: the features that the model reads.
    version: of the raw table; the newest by default.
    """
    raw = lake.open(
        names.RAW, view.view.source.name, fix="run: hindcast ingest FILE", version=version
    )
    sql = query.training_set(view, engine.dialect, knowledge, label_matures)
    table = engine.query(sql, raw, source=view.view.source)
    return TrainingSet(
        table=table,
        view=view,
        features=tuple(view.feature(name) for name in read),
        inputs={f"{names.RAW}/{view.view.source.name}": {"version": raw.version()}},
        as_of=knowledge.as_of,
        known_by=knowledge.known_by,
    )


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
    return build(view, read, matures, engine, lake, knowledge, version)
