"""Folds of the training part, for scores of rows that a fit has not seen."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from hindcast.errors import TrainingError
from hindcast.models.tasks.base import Labels, Reals, TrainingRows

FOLDS = 3


def fit_out_of_fold(
    rows: TrainingRows,
    seed: int,
    fit: Callable[[TrainingRows], Any],
    predict: Callable[[Any, Any], Reals],
) -> tuple[Any, Reals]:
    """An estimator fitted on all rows, and each row's scores by one that was fitted without it.

    Folds are whole entities where the rows have groups.
    """
    parts = _folds(rows, seed)
    everything = np.arange(len(rows.labels))
    *of_folds, whole = (
        fit(rows.of(taken)) for taken in (*(train for train, _ in parts), everything)
    )
    found = [
        predict(estimator, rows.frame.iloc[left_out])
        for estimator, (_, left_out) in zip(of_folds, parts, strict=True)
    ]
    scores = np.empty((len(rows.labels), *found[0].shape[1:]))
    for part, (_, left_out) in zip(found, parts, strict=True):
        scores[left_out] = part
    return whole, scores


def require_each(
    labels: Labels,
    groups: NDArray[Any] | None,
    names: Mapping[int, str],
    fix: str = "train on more data",
) -> None:
    """Raise TrainingError naming a label that too few entities have to be in every fold.

    names: label -> what it is. groups: the entity of each row; None counts rows.
    """
    counted = np.arange(len(labels)) if groups is None else groups
    for value, name in names.items():
        found = len(np.unique(counted[labels == value]))
        if found < FOLDS:
            raise TrainingError(
                f"only {found} {'rows' if groups is None else 'entities'} have {name} in the "
                f"training part, {FOLDS} are needed; {fix}"
            )


def _folds(rows: TrainingRows, seed: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    if rows.groups is None:
        alone = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        return list(alone.split(rows.frame, rows.labels))
    whole = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    return list(whole.split(rows.frame, rows.labels, rows.groups))
