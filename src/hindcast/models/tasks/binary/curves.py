"""Curves and score distributions, thinned so that a plot needs nothing but metrics.json."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

Reals = NDArray[np.float64]
Labels = NDArray[np.int64]
POINTS = 200
# Half a logit per bin: rare positives are told apart near 0 as well as common ones near 1.
EDGES: tuple[float, ...] = (
    0.0,
    *(float(1 / (1 + np.exp(-logit / 2))) for logit in range(-20, 21)),
    1.0,
)


def curves(labels: Labels, scores: Reals) -> dict[str, Any] | None:
    """ROC and precision-recall curves, at most POINTS points each; None for one class."""
    if len(np.unique(labels)) < 2:
        return None
    false_rate, true_rate, _ = metrics.roc_curve(labels, scores)
    precision, recall, _ = metrics.precision_recall_curve(labels, scores, drop_intermediate=True)
    return {
        "roc": _points(("false_positive_rate", false_rate), ("true_positive_rate", true_rate)),
        # The last point of scikit-learn's, precision 1 at recall 0, is of no threshold.
        "precision_recall": _points(("recall", recall[-2::-1]), ("precision", precision[-2::-1])),
    }


def score_distribution(labels: Labels, scores: Reals) -> dict[str, Any]:
    """Rows of each class per bin of the probability; EDGES are fixed, so releases compare."""
    counts = {
        name: np.histogram(scores[labels == label], EDGES)[0]
        for name, label in (("negative", 0), ("positive", 1))
    }
    return {
        "edges": list(EDGES),
        **{name: [int(count) for count in found] for name, found in counts.items()},
    }


def _points(x: tuple[str, Reals], y: tuple[str, Reals]) -> dict[str, list[float]]:
    kept = thin(x[1], y[1])
    return {name: [float(value) for value in values[kept]] for name, values in (x, y)}


def thin(x: Reals, y: Reals) -> NDArray[np.int64]:
    """Indices of at most POINTS points, spread evenly along the line; both ends are kept."""
    if len(x) <= POINTS:
        return np.arange(len(x))
    along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    inner = np.searchsorted(along, np.linspace(0, along[-1], POINTS)[1:-1])
    return np.unique(np.concatenate([[0], inner, [len(x) - 1]]))
