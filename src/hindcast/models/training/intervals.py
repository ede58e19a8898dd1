"""Percentile bootstrap intervals (Efron, 1979), resampling whole entities.

A resample is a weight per row: how often its entity was drawn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.models.tasks.base import Labels, Reals, Resampled, Task

RESAMPLES = 1_000
LEVEL = 0.95
# Standard errors from the middle of a normal distribution to the ends of that share of it.
NORMAL = 1.959964
# With fewer entities to draw, resamples are all but the same, and their range is no interval.
LEAST_ENTITIES = 5


@dataclass(frozen=True)
class Interval:
    """An estimate on all rows, and the range that holds 95% of its resamples."""

    low: float
    estimate: float
    high: float

    @property
    def error(self) -> float:
        """The standard error, as of a normal distribution."""
        return (self.high - self.low) / (2 * NORMAL)


@dataclass(frozen=True)
class Comparison:
    """Two score vectors on the same rows; metric -> interval, None where it is not defined."""

    challenger: dict[str, Interval | None]
    champion: dict[str, Interval | None]
    difference: dict[str, Interval | None]


def compare(
    task: Task,
    labels: Labels,
    groups: NDArray[Any] | None,
    challenger_scores: Reals,
    champion_scores: Reals,
    seed: int,
    resamples: int | None = None,
) -> Comparison:
    """Both score vectors, and challenger minus champion, on the same resamples of the same rows.

    groups: the entity of each row; None draws rows alone. With fewer entities than LEAST_ENTITIES
    no interval is defined.
    """
    both = [task.resampled(labels, scores) for scores in (challenger_scores, champion_scores)]
    drawn = np.arange(len(labels)) if groups is None else groups
    whole = np.array([rows.measure(np.ones(len(labels))) for rows in both])
    times = _times(groups, resamples)
    draws = np.array(
        [[rows.measure(weights) for rows in both] for weights in _weights(drawn, seed, times)]
    ).reshape(times, *whole.shape)
    return Comparison(
        _intervals(task.compared, whole[0], draws[:, 0]),
        _intervals(task.compared, whole[1], draws[:, 1]),
        _intervals(task.compared, whole[0] - whole[1], draws[:, 0] - draws[:, 1]),
    )


def of(
    task: Task, rows: Resampled, groups: NDArray[Any], seed: int, resamples: int | None = None
) -> dict[str, Interval | None]:
    """Metric -> interval of rows that are measured again and again; groups: the entity of each."""
    whole = rows.measure(np.ones(len(groups)))
    times = _times(groups, resamples)
    draws = np.array([rows.measure(weights) for weights in _weights(groups, seed, times)])
    return _intervals(task.compared, whole, draws.reshape(times, len(whole)))


def are_few(groups: NDArray[Any] | None) -> bool:
    """Whether too few entities have the rows for an interval."""
    return groups is not None and len(np.unique(groups)) < LEAST_ENTITIES


def _times(groups: NDArray[Any] | None, resamples: int | None) -> int:
    """How often to draw: RESAMPLES, unless it is said or there is too little to draw from."""
    if are_few(groups):
        return 0
    return RESAMPLES if resamples is None else resamples


def _weights(groups: NDArray[Any], seed: int, resamples: int) -> Iterator[NDArray[np.int64]]:
    """Per resample, how often each row's entity was drawn, with replacement."""
    entities, of_row = np.unique(groups, return_inverse=True)
    random = np.random.default_rng(seed)
    for _ in range(resamples):
        drawn = random.integers(0, len(entities), len(entities))
        yield np.bincount(drawn, minlength=len(entities))[of_row]


def _intervals(
    metrics: Sequence[str], estimates: Reals, draws: Reals
) -> dict[str, Interval | None]:
    """estimates: [metrics]; draws: [resamples, metrics]."""
    return {
        name: _interval(float(estimates[place]), draws[:, place])
        for place, name in enumerate(metrics)
    }


def _interval(estimate: float, draws: Reals) -> Interval | None:
    """Resamples that drew one class only have no ranking metric, and are left out."""
    defined = draws[np.isfinite(draws)]
    if not np.isfinite(estimate) or not len(defined):
        return None
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), estimate, float(high))
