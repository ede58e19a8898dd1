"""A fit on a few made-up rows before the real one, to see whether its result converts to ONNX."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.definitions import Model, Task
from hindcast.errors import TrainingError
from hindcast.models.tasks import estimator
from hindcast.models.tasks.base import Fitted
from hindcast.models.tasks.base import Task as Target
from hindcast.models.tasks.binary.task import Binary
from hindcast.models.tasks.multiclass.task import Multiclass
from hindcast.models.tasks.regression.task import Regression
from hindcast.models.training import inputs, onnx_export
from hindcast.models.training.fit import FittedModel

ROWS = 240
_TASKS: dict[str, Target] = {
    "binary": Binary(0.5),
    "multiclass": Multiclass(("a", "b", "c")),
    "regression": Regression(0.9, 0.0),
}


def require_convertible(model: Model, numeric: Sequence[str], categorical: Sequence[str]) -> None:
    """Raise TrainingError or ReleaseError where a model's estimator does not convert to ONNX.

    numeric, categorical: the features that it reads as numbers and as text.
    """
    onnx_export.require_known(estimator.make(model))
    for nulls in (True, False):
        random = np.random.default_rng(0)
        matrix = _matrix(len(numeric), len(categorical), nulls, random)
        own = inputs.for_estimator(estimator.make(model), numeric, categorical, matrix)
        try:
            fitted = estimator.fitted(model, own.frame(matrix), _labels(model.task, random))
        except TrainingError:
            # Made-up rows may be too few, or odd: the real fit says what is wrong with real ones.
            continue
        onnx_export.export(FittedModel(own, Fitted(fitted, _TASKS[model.task])))
        return


def _matrix(
    numeric: int, categorical: int, nulls: bool, random: np.random.Generator
) -> NDArray[Any]:
    """Numbers, a tenth of them null or none, and text of two values after them."""
    numbers = random.random((ROWS, numeric)).astype(np.float32)
    if nulls:
        numbers[random.random(numbers.shape) < 0.1] = np.nan
    if not categorical:
        return numbers
    texts = np.where(random.random((ROWS, categorical)) < 0.5, "a", "b")
    return np.column_stack([numbers.astype(object), texts.astype(object)])


def _labels(task: Task, random: np.random.Generator) -> NDArray[Any]:
    """As many of each class, or numbers."""
    if task == "regression":
        return random.random(ROWS)
    return np.arange(ROWS) % (2 if task == "binary" else 3)
