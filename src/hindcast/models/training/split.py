"""Train and holdout: no entity on both sides, and the newest period held out."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.errors import TrainingError

HOLDOUT_ENTITIES = 0.3
HOLDOUT_PERIOD = 0.3
FOLDS = 3


@dataclass(frozen=True)
class Partition:
    """Row masks; `cut` is the first held-out instant in microseconds since 1970 UTC."""

    train: NDArray[np.bool_]
    holdout: NDArray[np.bool_]
    cut: int

    def left_out(self, micros: NDArray[np.int64]) -> dict[str, int]:
        """Reason -> how many rows are in neither part; micros: the event timestamp of each row."""
        neither, is_older = ~(self.train | self.holdout), micros < self.cut
        return {
            "held-out entity, before the holdout": int((neither & is_older).sum()),
            "training entity, during the holdout": int((neither & ~is_older).sum()),
        }


def split(groups: NDArray[Any], micros: NDArray[np.int64], labels: NDArray[np.int64]) -> Partition:
    """Hold out the newest 30% of the period of a hashed 30% of the entities.

    Train is the older period of the other entities, so that the model is measured on people and
    times it has not seen. The hash of the key decides, so an entity never changes sides.
    Raises TrainingError when either side lacks what it needs.
    """
    if not len(labels):
        raise TrainingError("the training set is empty; ingest labelled events, or move as_of")
    entities, of_row = np.unique(groups, return_inverse=True)
    held = np.array([_share(entity) < HOLDOUT_ENTITIES for entity in entities.tolist()])[of_row]
    cut = int(np.quantile(micros, 1 - HOLDOUT_PERIOD, method="higher"))
    parts = Partition(~held & (micros < cut), held & (micros >= cut), cut)
    _require(parts, groups, labels)
    return parts


def _share(entity: object) -> float:
    """A number in [0, 1) from the entity's key alone."""
    return int.from_bytes(hashlib.sha256(str(entity).encode()).digest()[:8], "big") / 2**64


def _require(parts: Partition, groups: NDArray[Any], labels: NDArray[np.int64]) -> None:
    if not parts.holdout.any():
        raise TrainingError("no row is left to hold out; train on more entities or more time")
    for value, name in ((1, "positive"), (0, "negative")):
        found = len(np.unique(groups[parts.train & (labels == value)]))
        if found < FOLDS:
            raise TrainingError(
                f"only {found} entities have a {name} label in the training part, {FOLDS} are "
                "needed; train on more data"
            )
