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
from hindcast.models.training import onnx_export
from hindcast.models.training.split import split
from hindcast.releases.contents import ReleaseContents
from hindcast.stores.lake import Lake

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Holdout:
    """Held-out rows of one feature view; `held` is their mask over the training set's rows.

    matures: how long after their events the labels of these rows are trusted.
    """

    data: TrainingSet
    matures: timedelta
    held: NDArray[np.bool_]

    @property
    def labels(self) -> NDArray[np.int64]:
        """0 or 1 per held-out row."""
        return self.data.labels()[self.held]

    @property
    def groups(self) -> NDArray[Any]:
        """The entity of each held-out row."""
        return self.data.groups()[self.held]

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

    def scores(self, release: ReleaseContents, model: str) -> Scores:
        """What a model file of a release says of each held-out row, by ONNX Runtime."""
        features = tuple(self.data.view.feature(name) for name in release.plan.names)
        data = replace(self.data, features=features)
        matrix = data.matrix()[self.held]
        return onnx_export.run(release.files[model], matrix, len(data.numeric))


def of(release: ReleaseContents, engine: Engine, lake: Lake, knowledge: Knowledge) -> Holdout:
    """The holdout that training on this release's feature view would have as of the instant."""
    matures = timedelta(days=release.manifest["label_matures_days"])
    cold_start = release.manifest["cold_start"]
    data = training_set.build(
        release.view(), release.plan.names, matures, cold_start, engine, lake, knowledge
    )
    return Holdout(data, matures, split(data.groups(), data.micros(), data.labels()).holdout)


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
