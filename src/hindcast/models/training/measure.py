"""metrics.json: everything a card, a plot or a gate needs to know of a release's holdout."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.data.training_rows import TrainingSet, column_texts
from hindcast.definitions import Model
from hindcast.models.tasks import expected
from hindcast.models.tasks.base import Labels, Reals, Task
from hindcast.models.training import intervals, last_labels
from hindcast.models.training.importance import importance
from hindcast.models.training.intervals import Interval
from hindcast.models.training.split import Partition


@dataclass(frozen=True)
class Scored:
    """The holdout as both models see it: scores of each row, matrix [rows, features].

    score: the model's scores of the rows of a matrix.
    """

    matrix: NDArray[Any]
    scores: Reals
    baseline: Reals
    score: Callable[[NDArray[Any]], Reals]


def measure(
    model: Model, task: Task, data: TrainingSet, labels: Labels, parts: Partition, scored: Scored
) -> dict[str, Any]:
    """The model beside the baselines: metrics, intervals, drawings, importance, slices."""
    held, known = labels[parts.holdout], labels[parts.train]
    compared = intervals.compare(
        task, held, parts.holdout_groups, scored.scores, scored.baseline, model.seed
    )
    last = last_labels.of(data, labels, parts.holdout)
    return {
        "task": task.name,
        "train": {"rows": len(known), **task.composition(known)},
        "holdout_from_micros": parts.cut,
        "holdout": {
            **task.evaluate(held, scored.scores),
            "intervals": _ranges(compared.challenger),
        },
        "baseline": {
            task.simple: {
                **task.evaluate(held, scored.baseline),
                "intervals": _ranges(compared.champion),
            },
            **{
                name: task.evaluate(held, said) for name, said in task.unfitted(known, last).items()
            },
        },
        "over_baseline": {
            "estimates": _estimates(compared.difference),
            "intervals": _ranges(compared.difference),
        },
        "without_labels": expected.of_holdout(task, held, scored.scores),
        **task.drawings(held, scored.scores, scored.baseline),
        "importance": importance(task, scored.score, scored.matrix, held, data.places, model.seed),
        "slices": {
            name: by_value(task, column_texts(data.table[name])[parts.holdout], held, scored.scores)
            for name in model.slices
        },
    }


def by_value(
    task: Task, values: NDArray[Any], labels: Labels, scores: Reals
) -> dict[str, dict[str, Any]]:
    """Metrics of the rows of each value; values: [rows] of text."""
    masks = {str(value): values == value for value in np.unique(values.astype(str))}
    return {value: task.evaluate(labels[mask], scores[mask]) for value, mask in masks.items()}


def _ranges(found: Mapping[str, Interval | None]) -> dict[str, list[float] | None]:
    """Metric -> [low, high], or null where it is not defined."""
    return {name: [each.low, each.high] if each else None for name, each in found.items()}


def _estimates(found: Mapping[str, Interval | None]) -> dict[str, float | None]:
    return {name: each.estimate if each else None for name, each in found.items()}
