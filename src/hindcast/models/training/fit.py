"""Fit a declared estimator, and the simple baseline beside it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.data.training_rows import TrainingSet
from hindcast.definitions import Model
from hindcast.models.tasks import estimator
from hindcast.models.tasks.base import Fitted, Labels, Reals, Task, TrainingRows
from hindcast.models.training import inputs
from hindcast.models.training.inputs import Inputs
from hindcast.models.training.split import Partition


@dataclass(frozen=True)
class FittedModel:
    """A fitted estimator with the way its rows are given to it."""

    inputs: Inputs
    fitted: Fitted

    def scores(self, matrix: NDArray[Any]) -> Reals:
        """scikit-learn's scores of the rows of a matrix."""
        return self.fitted.scores(self.inputs.frame(matrix))


def fit(
    model: Model,
    task: Task,
    data: TrainingSet,
    matrix: NDArray[Any],
    labels: Labels,
    parts: Partition,
) -> tuple[FittedModel, FittedModel]:
    """The model and the baseline, fitted on the training part of a matrix and its labels.

    Raises TrainingError where the estimator cannot be fitted.
    """
    rows = np.flatnonzero(parts.train)
    if parts.groups is None:
        rows = rows[np.argsort(data.micros()[rows], kind="stable")]
    known, groups = matrix[rows], None if parts.groups is None else parts.groups[rows]
    encoded = inputs.encoded(data.numeric, data.categorical, known)
    own = inputs.for_estimator(estimator.make(model), data.numeric, data.categorical, known)
    fitted = task.fit(model, TrainingRows(own.frame(known), labels[rows], groups))
    # On the same rows, or the one with more of them would be better by that alone.
    seen = slice(None) if fitted.seen is None else fitted.seen
    simple = task.baseline(model.seed).fit(encoded.frame(known[seen]), labels[rows][seen])
    return FittedModel(own, fitted), FittedModel(encoded, Fitted(simple, fitted.task))
