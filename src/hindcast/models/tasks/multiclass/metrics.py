"""What probabilities of several classes are worth; a metric that is not defined is null."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from hindcast.models.tasks.binary import metrics as binary

Reals = NDArray[np.float64]
Labels = NDArray[np.int64]


def evaluate(labels: Labels, scores: Reals, classes: Sequence[str]) -> dict[str, Any]:
    """All metrics; labels are places in classes, [rows]; scores are [rows, classes].

    roc_auc and calibration_error are means over the classes, each against the rest.
    """
    counts = confusion(labels, scores)
    of_class = {
        name: _one_against_rest(labels == place, scores[:, place], counts, place)
        for place, name in enumerate(classes)
    }
    lowest, highest = _widest_range(scores)
    return {
        "rows": len(labels),
        "probability_range": [lowest, highest],
        "log_loss": float(losses(labels, scores).mean()),
        "brier": float(squares(labels, scores).mean()),
        "accuracy": float(np.trace(counts) / counts.sum()),
        "macro_f1": macro_f1(counts),
        "roc_auc": _mean([found["roc_auc"] for found in of_class.values()]),
        "calibration_error": _mean([found["calibration_error"] for found in of_class.values()]),
        "confusion": {"classes": list(classes), "counts": counts.astype(int).tolist()},
        "classes": of_class,
    }


def losses(labels: Labels, scores: Reals) -> Reals:
    """The log loss of each row."""
    chances = scores[np.arange(len(labels)), labels]
    return np.asarray(-np.log(np.clip(chances, binary.LEAST, 1)))


def squares(labels: Labels, scores: Reals) -> Reals:
    """The Brier score of each row: squared differences, summed over the classes."""
    truth = np.zeros_like(scores)
    truth[np.arange(len(labels)), labels] = 1
    return np.asarray(((scores - truth) ** 2).sum(axis=1))


def confusion(labels: Labels, scores: Reals, weights: NDArray[Any] | None = None) -> Reals:
    """Rows (or their weights) by label and by answer, [classes, classes]."""
    count = scores.shape[1]
    cells = labels * count + answers(scores)
    return np.bincount(cells, weights, minlength=count**2).reshape(count, count).astype(np.float64)


def answers(scores: Reals) -> Labels:
    """The likeliest class of each row; the first of several."""
    return np.asarray(scores.argmax(axis=1))


def macro_f1(counts: Reals) -> float | None:
    """The mean F1 of the classes that have rows or answers; counts: [label, answer]."""
    met = counts.sum(axis=0) + counts.sum(axis=1)
    there = met > 0
    return float((2 * np.diag(counts)[there] / met[there]).mean()) if there.any() else None


def _one_against_rest(
    truth: NDArray[np.bool_], chances: Reals, counts: Reals, place: int
) -> dict[str, Any]:
    right, answered, rows = counts[place, place], counts[:, place].sum(), counts[place].sum()
    both = 0 < rows < len(truth)
    labels = truth.astype(np.int64)
    return {
        "rows": int(rows),
        "mean_probability": float(chances.mean()),
        "precision": _ratio(right, answered),
        "recall": _ratio(right, rows),
        "f1": _ratio(2 * right, answered + rows),
        "roc_auc": float(roc_auc_score(labels, chances)) if both else None,
        "calibration": binary.calibration(labels, chances),
        "calibration_error": binary.calibration_error(labels, chances),
    }


def _widest_range(scores: Reals) -> tuple[float, float]:
    """The lowest and the highest probability of the class that they differ most for."""
    low, high = scores.min(axis=0), scores.max(axis=0)
    widest = int((high - low).argmax())
    return float(low[widest]), float(high[widest])


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None
