"""The holdout of a release, as of an instant, and what a release says of its rows."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hindcast import names
from hindcast.compiler.query import Knowledge
from hindcast.data import training_range, training_set
from hindcast.data.training_range import TrainingRange
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
    """Held-out rows of a training set, by range, split and task of the release they are of."""

    data: TrainingSet
    within: TrainingRange
    task: Task
    parts: Partition

    @property
    def held(self) -> NDArray[np.bool_]:
        """Which rows of the training set are held out."""
        return self.parts.holdout

    @property
    def labels(self) -> Labels:
        """The label of each held-out row, as the task learns it."""
        label = self.data.labelled.label.column
        return self.task.labels(self.data.table[names.LABEL], label)[self.held]

    @property
    def groups(self) -> NDArray[Any] | None:
        """The entity of each held-out row; None where the split is by time."""
        return self.parts.holdout_groups

    @property
    def events(self) -> pa.Table:
        """Which events the training set is of: keys, event timestamp, tiebreaker."""
        keys = self.data.labelled.events.first.keys
        return self.data.table.select([*keys, names.EVENT_TIMESTAMP, names.TIEBREAKER])

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
        data = replace(self.data, service=release.service)
        matrix = data.matrix()[self.held]
        return onnx_export.run(release.files[model], task, matrix, len(data.numeric))


def of(release: ReleaseContents, engine: Engine, lake: Lake, knowledge: Knowledge) -> Holdout:
    """The holdout that training on this release's features would have as of the instant."""
    within = training_range.of_document(release.manifest.get("range"))
    data = training_set.build(
        *release.question, release.manifest["cold_start"], engine, lake, knowledge
    )
    data = training_range.within(data, within)
    parts = split.of(data, documents.split_of(release.manifest, data.labelled.events))
    return Holdout(data, within, choice.of_plan(release.plan), parts)


def same_rows(
    holdout: Holdout, release: ReleaseContents, engine: Engine, lake: Lake, knowledge: Knowledge
) -> Holdout:
    """The same held-out events with another release's features; raises InputError if it has others.

    A release that learned from another source cannot be held against these rows.
    """
    own = holdout.data
    if release.definition_hashes == own.service.definition_hashes and not set(
        release.plan.names
    ) - set(own.service.names):
        return holdout
    service, labelled = release.question
    if labelled.events.name != own.labelled.events.name:
        why = f"on {labelled.events.name}, not on {own.labelled.events.name}"
        raise _incomparable(release, why)
    # The other's features of these events: which they are, and when their labels are trusted, is
    # what the holdout says.
    asked = replace(own.labelled, events=labelled.events)
    versions = {name.partition("/")[2]: int(said["version"]) for name, said in own.inputs.items()}
    data = training_set.build(service, asked, own.cold_start, engine, lake, knowledge, versions)
    other = replace(holdout, data=training_range.within(data, holdout.within))
    if not other.events.equals(holdout.events):
        raise _incomparable(release, "on other events")
    return other


def _incomparable(release: ReleaseContents, why: str) -> InputError:
    return InputError(
        f"release {release.id} was trained {why}, so the two cannot be compared on one holdout; "
        "compare them by hand, and promote it by force with a reason"
    )
