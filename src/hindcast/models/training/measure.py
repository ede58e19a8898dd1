"""metrics.json: everything a card, a plot or a gate needs to know of a release's holdout."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.data.training_rows import TrainingSet, column_texts
from hindcast.definitions import Model
from hindcast.models.training import curves, intervals, metrics
from hindcast.models.training.importance import importance
from hindcast.models.training.intervals import Interval
from hindcast.models.training.split import Partition

Reals = NDArray[np.float64]
Labels = NDArray[np.int64]
BASELINE = "logistic_regression"


@dataclass(frozen=True)
class Scored:
    """The holdout as both models see it: [rows] each, matrix [rows, features].

    score: the model's probability of 1 for the rows of a matrix.
    """

    matrix: NDArray[Any]
    scores: Reals
    baseline: Reals
    threshold: float
    score: Callable[[NDArray[Any]], Reals]


def measure(
    model: Model, data: TrainingSet, labels: Labels, parts: Partition, scored: Scored
) -> dict[str, Any]:
    """The model beside the baselines: metrics, intervals, curves, importance, slices."""
    held, known = labels[parts.holdout], labels[parts.train]
    compared = intervals.compare(
        held, data.groups()[parts.holdout], scored.scores, scored.baseline, model.seed
    )
    constant = np.full(len(held), known.mean())
    features = (*data.numeric, *data.categorical)
    return {
        "train": {"rows": len(known), "positives": int(known.sum())},
        "holdout_from_micros": parts.cut,
        "holdout": {
            **metrics.evaluate(held, scored.scores, scored.threshold),
            "intervals": _ranges(compared.challenger),
        },
        "baseline": {
            BASELINE: {
                **metrics.evaluate(held, scored.baseline, scored.threshold),
                "intervals": _ranges(compared.champion),
            },
            "prevalence": metrics.evaluate(held, constant, scored.threshold),
        },
        "over_baseline": {
            "estimates": _estimates(compared.difference),
            "intervals": _ranges(compared.difference),
        },
        "curves": {
            "model": curves.curves(held, scored.scores),
            BASELINE: curves.curves(held, scored.baseline),
        },
        "score_distribution": curves.score_distribution(held, scored.scores),
        "importance": importance(scored.score, scored.matrix, held, features, model.seed),
        "slices": {
            name: metrics.by_slice(
                column_texts(data.table[name])[parts.holdout], held, scored.scores, scored.threshold
            )
            for name in model.slices
        },
    }


def _ranges(found: Mapping[str, Interval | None]) -> dict[str, list[float] | None]:
    """Metric -> [low, high], or null where it is not defined."""
    return {name: [each.low, each.high] if each else None for name, each in found.items()}


def _estimates(found: Mapping[str, Interval | None]) -> dict[str, float | None]:
    return {name: each.estimate if each else None for name, each in found.items()}
