"""The holdout of a release, as of an instant, and what a release says of its rows."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hindcast import names
from hindcast.compiler.query import Knowledge
from hindcast.data import training_set
from hindcast.data.training_rows import TrainingSet
from hindcast.engines.base import Engine
from hindcast.errors import InputError
from hindcast.models.tasks import choice
from hindcast.models.tasks.base import Labels, Reals, Task
from hindcast.models.training import documents, onnx_export, split
from hindcast.models.training.split import Partition
from hindcast.releases.contents import ReleaseContents
from hindcast.stores.lake import Lake


@dataclass(frozen=True)
class Holdout:
    """Held-out rows of one feature view, by the split and the task of the release they are of.

    matures: how long after their events the labels of these rows are trusted.
    """

    data: TrainingSet
    task: Task
    matures: timedelta
    parts: Partition

    @property
    def held(self) -> NDArray[np.bool_]:
        """Which rows of the training set are held out."""
        return self.parts.holdout

    @property
    def labels(self) -> Labels:
        """The label of each held-out row, as the task learns it."""
        source = self.data.view.view.source
        return self.task.labels(self.data.table[names.LABEL], f"{source.name}.{source.label}")[
            self.held
        ]

    @property
    def groups(self) -> NDArray[Any] | None:
        """The entity of each held-out row; None where the split is by time."""
        return self.parts.holdout_groups

    @property
    def events(self) -> pa.Table:
        """Which events the training set is of: key, event timestamp, tiebreaker."""
        key = self.data.view.key
        return self.data.table.select([key, names.EVENT_TIMESTAMP, names.TIEBREAKER])

    @property
    def left_out(self) -> dict[str, int]:
        """Reason -> how many labelled events are no held-out rows because of it."""
        return {**self.data.left_out, "not held out": int((~self.held).sum())}

    def column(self, name: str) -> pa.ChunkedArray:
        """A feature of the held-out rows."""
        return self.data.table[name].filter(pa.array(self.held))

    def scores(self, release: ReleaseContents, model: str) -> Reals:
        """What a model file of a release says of each held-out row, by ONNX Runtime.

        Raises InputError where the release has another task, or other classes.
        """
        task = choice.of_plan(release.plan)
        if task.answers != self.task.answers:
            raise _incomparable(release, f"to answer {task.answers}, not {self.task.answers}")
        features = tuple(self.data.view.feature(name) for name in release.plan.names)
        data = replace(self.data, features=features)
        matrix = data.matrix()[self.held]
        return onnx_export.run(release.files[model], task, matrix, len(data.numeric))


def of(release: ReleaseContents, engine: Engine, lake: Lake, knowledge: Knowledge) -> Holdout:
    """The holdout that training on this release's feature view would have as of the instant."""
    matures = timedelta(days=release.manifest["label_matures_days"])
    cold_start = release.manifest["cold_start"]
    data = training_set.build(
        release.view(), release.plan.names, matures, cold_start, engine, lake, knowledge
    )
    parts = split.of(data, documents.split_of(release.manifest))
    return Holdout(data, choice.of_plan(release.plan), matures, parts)


def same_rows(
    holdout: Holdout, release: ReleaseContents, engine: Engine, lake: Lake, knowledge: Knowledge
) -> Holdout:
    """The same held-out events with another release's features; raises InputError if it has others.

    A release that was trained on another source cannot be held against these rows.
    """
    if release.manifest["definition_hash"] == holdout.data.view.definition_hash:
        return holdout
    table = release.raw_table
    if table not in holdout.data.inputs:
        raise _incomparable(release, f"on {table}, not on {', '.join(holdout.data.inputs)}")
    data = training_set.build(
        release.view(),
        release.plan.names,
        holdout.matures,
        holdout.data.cold_start,
        engine,
        lake,
        knowledge,
        holdout.data.inputs[table]["version"],
    )
    other = replace(holdout, data=data)
    if not other.events.equals(holdout.events):
        raise _incomparable(release, "on other events")
    return other


def _incomparable(release: ReleaseContents, why: str) -> InputError:
    return InputError(
        f"release {release.id} was trained {why}, so the two cannot be compared on one holdout; "
        "compare them by hand, and promote it by force with a reason"
    )
