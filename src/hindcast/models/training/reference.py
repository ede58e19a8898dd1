"""The reference histograms of a release, which drift holds later rows against."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.data.training_rows import TrainingSet, column_numbers, column_texts
from hindcast.definitions import Model
from hindcast.models.tasks import histograms
from hindcast.models.tasks.base import Reals, Task
from hindcast.models.training.split import Partition

# The commonest values of a feature that rows are sliced by; others are not looked at by themselves.
SLICES = 20


def document(
    model: Model, data: TrainingSet, parts: Partition, task: Task, scores: Reals
) -> dict[str, Any]:
    """Histograms of the training part's features and of the holdout's scores.

    And the rows in their bins of each value of the features that the model is sliced by.
    """
    columns = {name: column_numbers(data.table[name])[parts.train] for name in data.numeric}
    columns |= {name: column_texts(data.table[name])[parts.train] for name in data.categorical}
    answers = task.answered(scores)
    found = {name: histograms.of(values) for name, values in columns.items()}
    whole = {"features": found, "scores": histograms.of(answers)}
    slices = {}
    for name in model.slices:
        values = column_texts(data.table[name])
        sides = values[parts.train], values[parts.holdout]
        slices[name] = _by_value(whole, columns, answers, *sides)
    return {**whole, "slices": slices}


def _by_value(
    whole: Mapping[str, Any],
    columns: Mapping[str, NDArray[Any]],
    answers: NDArray[Any],
    trained: NDArray[Any],
    held: NDArray[Any],
) -> dict[str, Any]:
    """Value -> its rows; trained and held: the value of each row of the two parts."""
    return {
        value: {
            "features": {
                name: histograms.again(whole["features"][name], column[trained == value])
                for name, column in columns.items()
            },
            "scores": histograms.again(whole["scores"], answers[held == value]),
        }
        for value in _commonest(trained)
    }


def _commonest(values: NDArray[Any]) -> list[str]:
    found, counts = np.unique(values.astype(str), return_counts=True)
    return [str(found[place]) for place in np.argsort(-counts, kind="stable")[:SLICES]]
