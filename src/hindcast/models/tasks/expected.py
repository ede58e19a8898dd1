"""What a task's metrics are likely to be while labels are not known."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.models.tasks.base import Reals, Task

# Scores that are held at once: each row's as often as it may have a label. Of several classes these
# are as many, of one score 25 at most (a regression's errors).
MOST_VALUES, LABELS_OF_ONE = 10_000_000, 25


class Expected:
    """Rows without labels, measured again and again by the labels that they may have.

    Binary and multiclass: the expected confusion of calibrated probabilities (Confidence-based
    performance estimation, Białek et al., 2024, arXiv:2407.08649). Regression: the holdout's errors
    for estimates like these. It is right as long as labels depend on scores as they did then.
    """

    def __init__(self, task: Task, scores: Reals, uncertainty: Mapping[str, Any]) -> None:
        self._kept = _spread(scores)
        kept = scores[self._kept]
        possible = task.possible(kept, uncertainty)
        self._rows = task.resampled(possible.labels, possible.scores)
        self._likely = possible.weights.reshape(-1, len(kept))

    def measure(self, weights: NDArray[Any]) -> Reals:
        """The task's `compared` metrics with a weight per row; NaN where one is not defined."""
        return self._rows.measure((self._likely * weights[self._kept]).ravel())


def _spread(scores: Reals) -> NDArray[np.int64]:
    """The places of as many rows as memory has room for, evenly spread over all."""
    width = scores.shape[1] if scores.ndim > 1 else 1
    room = max(1, MOST_VALUES // (max(width, LABELS_OF_ONE) * width))
    count = min(len(scores), room)
    return np.linspace(0, len(scores) - 1, count).astype(np.int64)


def of_holdout(task: Task, labels: Any, scores: Reals) -> dict[str, Any]:
    """What a release keeps for estimates: the holdout's errors, and what was expected of it.

    expected: metric -> value, null where it is not defined. Estimates are held against these, as
    what is wrong with a model's probabilities is then wrong on both sides.
    """
    uncertainty = task.uncertainty(labels, scores)
    found = Expected(task, scores, uncertainty).measure(np.ones(len(scores)))
    expected = {
        name: float(value) if np.isfinite(value) else None
        for name, value in zip(task.compared, found, strict=True)
    }
    return {"expected": expected, "uncertainty": uncertainty}
