"""A binary model's metrics with a weight per row, fast enough for a thousand resamples."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.models.tasks.binary.metrics import LEAST

Reals = NDArray[np.float64]
Labels = NDArray[np.int64]
METRICS = ("roc_auc", "pr_auc", "ks", "brier", "log_loss")


class Ranked:
    """The rows of one score vector in its order, so that a weighted metric is a cumulative sum.

    Rows of equal scores are one step of every curve, and only steps with positives bend one.
    """

    def __init__(self, labels: Labels, scores: Reals) -> None:
        self._order = np.argsort(-scores, kind="stable")
        ordered, positive = scores[self._order], labels[self._order] == 1
        self._positives = np.flatnonzero(positive)
        starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
        step = np.searchsorted(starts, self._positives, side="right") - 1
        steps, self._firsts = np.unique(step, return_index=True)
        self._before = starts[steps]
        self._after = np.append(starts, len(ordered))[steps + 1]
        chance = np.clip(ordered, LEAST, 1 - LEAST)
        self._squared = (ordered - positive) ** 2
        self._loss = -np.where(positive, np.log(chance), np.log1p(-chance))

    def measure(self, weights: NDArray[Any]) -> Reals:
        """METRICS with a weight per row, as scikit-learn's sample_weight; NaN where not defined."""
        weight = weights[self._order].astype(np.float64)
        answered = np.concatenate([[0.0], np.cumsum(weight)])
        rows = answered[-1]
        if not rows:
            return np.full(len(METRICS), np.nan)
        # Not a dot product: BLAS adds in another order with another number of threads.
        losses = [(weight * each).sum() / rows for each in (self._squared, self._loss)]
        return np.array([*self._ranking(weight, answered), *losses])

    def _ranking(self, weight: Reals, answered: Reals) -> tuple[float, float, float]:
        """ROC AUC, average precision, and ks: the largest gap between the classes' scores.

        answered: the weight of the first rows, [rows + 1].
        """
        if not len(self._positives):
            return np.nan, np.nan, np.nan
        more = np.add.reduceat(weight[self._positives], self._firsts)
        true = np.cumsum(more)
        before, after = answered[self._before], answered[self._after]
        positives, negatives = true[-1], answered[-1] - true[-1]
        if not positives or not negatives:
            return np.nan, np.nan, np.nan
        # A positive is above the negatives of later steps, and half above those of its own.
        ahead = ((before - (true - more)) + (after - true)) / 2
        area = 1 - (more * ahead).sum() / (positives * negatives)
        precision = np.divide(true, after, out=np.zeros_like(true), where=after > 0)
        gap = (true / positives - (after - true) / negatives).max()
        return area, (more * precision).sum() / positives, max(0.0, gap)
