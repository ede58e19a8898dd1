"""How a model is likely to do while labels are out, and how far such estimates were off before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hindcast.errors import NotFoundError, TrainingError
from hindcast.models.tasks.base import Labels, Reals, Task
from hindcast.models.tasks.expected import Expected
from hindcast.models.training import intervals
from hindcast.operations.drift import answers, losses, outcomes
from hindcast.operations.drift.examination import Examination
from hindcast.operations.drift.findings import Found, Period, Unjudged
from hindcast.operations.drift.performance import RESAMPLES
from hindcast.releases.contents import ReleaseContents

ESTIMATED_LOSS = "estimated loss"
# So many windows back, estimates are held against labels.
PAST_WINDOWS = 5


@dataclass(frozen=True)
class Backtested:
    """What was estimated of a window's answers, and what their labels then showed, by metric."""

    rows: int
    estimated: Mapping[str, float]
    known: Mapping[str, float]


def examine(of: Examination) -> Found:
    """The metrics that the window's answers are likely to have, with their error in a backtest."""
    if "without_labels" not in of.release.metrics:
        reason = "the release does not say what its holdout's errors were; train it again"
        return Found(unjudged=(Unjudged("estimated performance", reason),))
    found = answers.of_release(of.release, of.application.lake, of.window.since, of.window.until)
    needed = of.model.drift.least_rows
    if len(found) < needed:
        reason = f"{len(found)} answers in the window; {needed} are needed"
        return Found(unjudged=(Unjudged("estimated performance", reason),))
    past = list(_past(of))
    off = errors(past)
    expected = Expected(found.task, found.scores, _uncertainty(of.release))
    ranges = intervals.of(found.task, expected, found.entities, of.model.seed, RESAMPLES)
    measured = (
        each
        for metric, interval in ranges.items()
        for each in losses.measured(
            of.model,
            ESTIMATED_LOSS,
            losses.expected(of.release.metrics),
            {metric: interval},
            len(found),
            spread=off,
            note=_note(metric, off, past),
        )
    )
    return Found(tuple(measured))


def backtest(
    task: Task, labels: Labels, scores: Reals, uncertainty: Mapping[str, object]
) -> Backtested:
    """The estimate of rows whose labels are known since, beside what these show."""
    weights = np.ones(len(scores))
    estimated = Expected(task, scores, uncertainty).measure(weights)
    known = task.resampled(labels, scores).measure(weights)
    return Backtested(len(scores), _named(task, estimated), _named(task, known))


def errors(past: Sequence[Backtested]) -> dict[str, float]:
    """Metric -> how far estimates of past windows were off: the root of the mean square."""
    found: dict[str, list[float]] = {}
    for each in past:
        for metric in each.estimated.keys() & each.known.keys():
            found.setdefault(metric, []).append(each.estimated[metric] - each.known[metric])
    return {name: float(np.sqrt(np.mean(np.square(off)))) for name, off in found.items()}


def _past(of: Examination) -> Iterator[Backtested]:
    """The last windows whose labels are there, each with enough of them."""
    length, until = of.window.length, of.window.until
    try:
        whole = Period(until - PAST_WINDOWS * length, until)
        found = outcomes.of_window(of.release, of.application.lake, whole)
    except (NotFoundError, TrainingError):  # The examination of performance says so.
        return
    for back in range(PAST_WINDOWS):
        end = until - back * length
        mask = found.within(Period(end - length, end))
        if mask.sum() >= of.model.drift.least_rows:
            given = found.labels[mask], found.answers.scores[mask]
            yield backtest(found.answers.task, *given, _uncertainty(of.release))


def _uncertainty(release: ReleaseContents) -> Mapping[str, object]:
    found: Mapping[str, object] = release.metrics["without_labels"]["uncertainty"]
    return found


def _named(task: Task, values: Reals) -> dict[str, float]:
    pairs = zip(task.compared, values, strict=True)
    return {name: float(value) for name, value in pairs if np.isfinite(value)}


def _note(metric: str, off: Mapping[str, float], past: Sequence[Backtested]) -> str:
    if metric not in off:
        return "; not held against labels yet"
    return f"; such estimates were off by {off[metric]:.2g} in {len(past)} windows with labels"
