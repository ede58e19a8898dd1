"""What a task's metrics are likely to be while labels are not known."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.models.tasks.base import Reals, Task


class Expected:
    """Rows without labels, measured again and again by the labels that they may have.

    Binary and multiclass: the expected confusion of calibrated probabilities (Confidence-based
    performance estimation, Białek et al., 2024, arXiv:2407.08649). Regression: the holdout's errors
    for estimates like these. It is right as long as labels depend on scores as they did then.
    """

    def __init__(self, task: Task, scores: Reals, uncertainty: Mapping[str, Any]) -> None:
        possible = task.possible(scores, uncertainty)
        self._rows = task.resampled(possible.labels, possible.scores)
        self._likely = possible.weights.reshape(-1, len(scores))

    def measure(self, weights: NDArray[Any]) -> Reals:
        """The task's `compared` metrics with a weight per row; NaN where one is not defined."""
        return self._rows.measure((self._likely * weights).ravel())


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
