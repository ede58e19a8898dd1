"""Permutation importance (Breiman, 2001): what a model loses when a feature is shuffled."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.models.tasks.base import Labels, Reals, Task

REPEATS = 5


def importance(
    task: Task,
    score: Callable[[NDArray[Any]], Reals],
    matrix: NDArray[Any],
    labels: Labels,
    places: Mapping[str, Sequence[int]],
    seed: int,
) -> dict[str, dict[str, float]]:
    """Per feature the mean drop in the task's worth over the shuffles, and its standard deviation.

    matrix: [rows, columns]. places: feature -> its columns, which are shuffled together. Nothing is
    found where all labels are the same.
    """
    if len(np.unique(labels)) < 2:
        return {}
    random = np.random.default_rng(seed)
    # Values come from all rows, so that few judged rows still see the whole distribution.
    shuffles = [random.permutation(len(labels)) for _ in range(REPEATS)]
    judged = task.judged(labels, random)
    rows, known = matrix[judged], labels[judged]
    whole = task.worth(known, score(rows))
    found = {}
    for name, columns in places.items():
        shuffled = [matrix[shuffle[judged]][:, columns] for shuffle in shuffles]
        worths = [task.worth(known, score(_with(rows, columns, v))) for v in shuffled]
        drops = whole - np.array(worths)
        found[name] = {"mean": float(drops.mean()), "deviation": float(drops.std())}
    return found


def _with(rows: NDArray[Any], columns: Sequence[int], values: NDArray[Any]) -> NDArray[Any]:
    changed = rows.copy()
    changed[:, columns] = values
    return changed
