"""Train and holdout: no entity on both sides, and the newest period held out."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.data.training_rows import TrainingSet
from hindcast.definitions import Entity, Split
from hindcast.errors import TrainingError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Partition:
    """Row masks; `cut` is the first held-out instant in microseconds since 1970 UTC.

    groups: the entity of each row, that is never in both parts; None where the split is by time.
    """

    train: NDArray[np.bool_]
    holdout: NDArray[np.bool_]
    cut: int
    groups: NDArray[Any] | None

    @property
    def train_groups(self) -> NDArray[Any] | None:
        """The entity of each row of the training part."""
        return None if self.groups is None else self.groups[self.train]

    @property
    def holdout_groups(self) -> NDArray[Any] | None:
        """The entity of each held-out row."""
        return None if self.groups is None else self.groups[self.holdout]

    def left_out(self, micros: NDArray[np.int64]) -> dict[str, int]:
        """Reason -> how many rows are in neither part; micros: the event timestamp of each row."""
        neither, is_older = ~(self.train | self.holdout), micros < self.cut
        return {
            "held-out entity, before the holdout": int((neither & is_older).sum()),
            "training entity, during the holdout": int((neither & ~is_older).sum()),
        }


def of(data: TrainingSet, declared: Split) -> Partition:
    """The parts of a training set by a model's declared split; raises TrainingError as split."""
    if declared.group is None:
        return split(None, data.micros(), declared)
    entity = declared.group if isinstance(declared.group, Entity) else None
    return split(data.groups(entity), data.micros(), declared)


def split(groups: NDArray[Any] | None, micros: NDArray[np.int64], declared: Split) -> Partition:
    """Hold out the newest share of the period of a hashed share of the entities.

    Train is the older period of the other entities, so that the model is measured on people and
    times it has not seen. The hash of the key decides, so an entity never changes sides. Without
    groups the newest share of the period is held out. Raises TrainingError for an empty part.
    """
    if not len(micros):
        raise TrainingError("the training set is empty; ingest labelled events, or move as_of")
    if declared.cut is None:
        cut = int(np.quantile(micros, 1 - declared.holdout, method="higher"))
    else:
        cut = (declared.cut - EPOCH) // timedelta(microseconds=1)
    is_newer = micros >= cut
    if groups is None:
        parts = Partition(~is_newer, is_newer, cut, None)
    else:
        entities, of_row = np.unique(groups, return_inverse=True)
        held = np.array([_share(each) < declared.holdout for each in entities.tolist()])[of_row]
        parts = Partition(~held & ~is_newer, held & is_newer, cut, groups)
    _require_rows(parts)
    return parts


def _share(entity: object) -> float:
    """A number in [0, 1) from the entity's key alone."""
    return int.from_bytes(hashlib.sha256(str(entity).encode()).digest()[:8], "big") / 2**64


def _require_rows(parts: Partition) -> None:
    if not parts.holdout.any():
        raise TrainingError("no row is left to hold out; train on more entities or more time")
    if not parts.train.any():
        raise TrainingError("no row is left to train on; train on more entities or more time")
