"""Permutation importance (Breiman, 2001): what a model loses when a feature is shuffled."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

Reals = NDArray[np.float64]
REPEATS = 5
ROWS = 20_000


def importance(
    score: Callable[[NDArray[Any]], Reals],
    matrix: NDArray[Any],
    labels: NDArray[np.int64],
    features: Sequence[str],
    seed: int,
) -> dict[str, dict[str, float]]:
    """Per feature the mean drop in ROC AUC over the shuffles, and its standard deviation.

    matrix: [rows, features]. Empty where the labels are of one class.
    """
    if len(np.unique(labels)) < 2:
        return {}
    random = np.random.default_rng(seed)
    # Values come from all rows, so that few judged rows still see the whole distribution.
    shuffles = [random.permutation(len(labels)) for _ in range(REPEATS)]
    judged = balanced(labels, random)
    rows, known = matrix[judged], labels[judged]
    whole = roc_auc_score(known, score(rows))
    found = {}
    for column, name in enumerate(features):
        shuffled = [matrix[shuffle[judged], column] for shuffle in shuffles]
        aucs = [roc_auc_score(known, score(_with(rows, column, v))) for v in shuffled]
        drops = whole - np.array(aucs)
        found[name] = {"mean": float(drops.mean()), "deviation": float(drops.std())}
    return found


def balanced(labels: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """About ROWS rows, as many of each class as there can be: ROC AUC ignores their shares."""
    if len(labels) <= ROWS:
        return np.arange(len(labels))
    parts = [np.flatnonzero(labels == label) for label in (0, 1)]
    room = max(ROWS // 2, ROWS - min(len(part) for part in parts))
    return np.sort(np.concatenate([random.permutation(part)[:room] for part in parts]))


def _with(rows: NDArray[Any], column: int, values: NDArray[Any]) -> NDArray[Any]:
    changed = rows.copy()
    changed[:, column] = values
    return changed
