"""A small training set with a signal, nulls, ties of values and few positives."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from hindcast.compiler.features import compile_view
from hindcast.compiler.query import Knowledge
from hindcast.compiler.service import of_view
from hindcast.data.training_rows import TrainingSet
from hindcast.definitions import (
    Entity,
    Feature,
    FeatureSelection,
    FeatureView,
    Model,
    Source,
    days,
    latest,
    prior,
)
from tests.labels import own_label

SOURCE = Source(
    "events",
    entity=Entity("thing", key="key"),
    event_timestamp="at",
    tiebreaker="tie",
    label="label",
    schema={
        "key": "bigint",
        "at": "timestamp",
        "tie": "bigint",
        "amount": "decimal(18,2)",
        "flag": "boolean",
        "kind": "string",
        "label": "bigint",
        "day": "date",
    },
)
VIEW = FeatureView(
    "things",
    SOURCE,
    [
        Feature("kind", "kind", over=latest()),
        Feature("events", "count(*)", over=prior()),
        Feature("amount", "sum(amount)", over=prior()),
        Feature("flag", "flag", over=latest()),
        Feature("day", "day", over=latest()),
    ],
)
NUMBERS = ("events", "amount", "flag")
LABELS = {"binary": "bigint", "multiclass": "string", "regression": "double"}


def view(task: str = "binary") -> FeatureView:
    """The feature view, over a source whose label is of the task."""
    schema = {**SOURCE.schema, "label": LABELS[task]}
    return replace(VIEW, source=replace(SOURCE, schema=schema))


def model(estimator: Any, names: tuple[str, ...] = NUMBERS, **fields: Any) -> Model:
    """A model of these features."""
    return Model(
        "sample",
        features=view(fields.get("task", "binary"))[list(names)],
        label="events.label",
        label_matures=days(1),
        estimator=estimator,
        seed=7,
        **fields,
    )


def read_by(model: Model) -> tuple[str, ...]:
    """The names of the features that a model of this kind reads."""
    (selection,) = model.service.items
    assert isinstance(selection, FeatureSelection)
    return selection.names


def training_set(
    names: tuple[str, ...] = NUMBERS, customers: int = 400, seed: int = 0, task: str = "binary"
) -> TrainingSet:
    """Ten events per customer, about 2% positive; a fifth of the amounts are null.

    Labels of several classes and numbers are made of the same amount and flag.
    """
    random = np.random.default_rng(seed)
    rows = customers * 10
    events = np.tile(np.arange(10), customers)
    amount = np.round(random.normal(100, 20, rows), 2)
    flag = random.random(rows) < 0.5
    chance = 0.004 * np.exp(1.5 * flag + 0.02 * (amount - 100))
    table = pa.table(
        {
            "key": pa.array(np.repeat(np.arange(customers), 10)),
            "event_timestamp": pa.array(
                random.integers(0, 10**15, rows), pa.timestamp("us", tz="UTC")
            ),
            "tiebreaker": pa.array(np.arange(rows)),
            "kind": pa.array(np.where(flag, "a", "b"), mask=random.random(rows) < 0.1),
            "events": pa.array(events),
            "amount": pa.array(amount, mask=random.random(rows) < 0.2),
            "flag": pa.array(flag),
            "day": pa.array([None] * rows, pa.date32()),
            "label": pa.array((random.random(rows) < chance).astype(np.int64)),
        }
    )
    if task != "binary":
        labels = number(amount, flag, random) if task == "regression" else classes(amount, flag)
        table = table.set_column(table.column_names.index("label"), "label", pa.array(labels))
    declared = view(task)
    return TrainingSet(
        table=table,
        service=of_view(compile_view(declared), names),
        labelled=own_label(declared.source, days(1)),
        inputs={"raw/events": {"version": 3}},
        knowledge=Knowledge(datetime(2021, 1, 1, tzinfo=UTC), datetime(2021, 2, 1, tzinfo=UTC)),
        cold_start="refuse",
        left_out={},
        is_revised={},
        is_outdated={},
    )


def number(amount: np.ndarray, flag: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Twice the amount and fifty more with the flag, give or take five."""
    return np.asarray(2 * amount + 50 * flag + random.normal(0, 5, len(amount)))


def classes(amount: np.ndarray, flag: np.ndarray) -> np.ndarray:
    """Low, usual or high; where there is a flag, seldom another one."""
    third = np.digitize(amount, [90, 110])
    names = np.array(["low", "usual", "high"], dtype=object)
    return np.asarray(names[np.where(flag & (amount > 130), 0, third)])
