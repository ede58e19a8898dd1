"""Few rows that say as much as all, where a number is computed again and again."""

import numpy as np
from numpy.typing import NDArray

ROWS = 20_000


def some(rows: int, random: np.random.Generator) -> NDArray[np.int64]:
    """The places of at most ROWS rows, in their order."""
    if rows <= ROWS:
        return np.arange(rows)
    return np.sort(random.permutation(rows)[:ROWS])


def balanced(labels: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """About ROWS rows, as many of each class as there can be: ROC AUC ignores their shares."""
    if len(labels) <= ROWS:
        return np.arange(len(labels))
    parts = [np.flatnonzero(labels == label) for label in (0, 1)]
    room = max(ROWS // 2, ROWS - min(len(part) for part in parts))
    return np.sort(np.concatenate([random.permutation(part)[:room] for part in parts]))
