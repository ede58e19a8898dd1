"""The training set: labelled events as the spine of the one query."""

from datetime import datetime
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq

from hindcast import bootstrap, names
from hindcast.bootstrap import Application
from hindcast.compiler import features
from hindcast.compiler.features import Knowledge
from hindcast.compiler.serving import serving_query
from hindcast.compiler.view import CompiledView
from hindcast.definitions import Model
from hindcast.engines.base import Engine
from hindcast.errors import InputError
from hindcast.lake import Lake
from hindcast.training.dataset import TrainingSet


def build(
    model: Model, view: CompiledView, engine: Engine, lake: Lake, knowledge: Knowledge
) -> TrainingSet:
    """Key, event timestamp, tiebreaker, features, label of every event whose label has matured.

    Rows are ordered by key, event timestamp, tiebreaker.
    """
    raw = lake.open(names.RAW, view.view.source.name, fix="run: hindcast ingest FILE")
    sql = features.training_set(view, engine.dialect, knowledge, model.label_matures)
    table = engine.query(sql, raw)
    return TrainingSet(
        table=table,
        key=view.key,
        key_type=view.types[view.key],
        entity=view.view.source.entity.name,
        view=view.view.name,
        features=tuple(view.feature(name) for name in model.features.names),
        inputs={f"{names.RAW}/{view.view.source.name}": {"version": raw.version()}},
        as_of=knowledge.as_of,
        known_by=knowledge.known_by,
        definition_hash=view.definition_hash,
        serving_sql=serving_query(view, model.features.names),
    )


def of(
    application: Application,
    model: str | None,
    engine: str,
    as_of: str | None,
    known_by: str | None,
    now: datetime,
) -> TrainingSet:
    """The training set of a project's model, by what a command was given."""
    declared = application.project.model(model)
    view = application.project.view(declared.features.view.name)
    clocks = bootstrap.knowledge(as_of, known_by, now)
    return build(declared, view, bootstrap.engine(engine), application.lake, clocks)


def write(data: TrainingSet, path: Path) -> int:
    """Write the table as CSV or Parquet, by the file's ending; returns the rows."""
    if path.suffix == ".parquet":
        pq.write_table(data.table, path)
    elif path.suffix == ".csv":
        pyarrow.csv.write_csv(data.table, path)
    else:
        raise InputError(f"--out {path}: end the file's name in .csv or .parquet")
    return int(data.table.num_rows)
