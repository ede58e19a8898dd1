"""How a model did once labels came, against its release's holdout: in all, by slice, by age."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from hindcast.errors import NotFoundError, TrainingError
from hindcast.models.training import intervals
from hindcast.operations.drift import losses, outcomes
from hindcast.operations.drift.examination import Examination
from hindcast.operations.drift.findings import Found, Measurement, Unjudged
from hindcast.operations.drift.losses import Held
from hindcast.operations.drift.outcomes import Outcomes

LOSS = "loss"
RESAMPLES = 200
# How old an answer was when its event came.
AGES = (timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30))
_AGES = ("under 1 hour", "1 hour to 1 day", "1 to 7 days", "7 to 30 days", "over 30 days")


@dataclass(frozen=True)
class Part:
    """Answers that are judged together, and the holdout of their kind; name: None of all."""

    name: str | None
    mask: NDArray[np.bool_]
    held: Held | None


def examine(of: Examination) -> Found:
    """The task's metrics of answers whose labels came to be trusted in the window."""
    try:
        found = outcomes.of_window(of.release, of.application.lake, of.window)
    except (NotFoundError, TrainingError) as error:
        return Found(unjudged=(Unjudged("performance", str(error)),))
    whole = Part(None, np.ones(len(found), dtype=bool), losses.holdout(of.release.metrics))
    rows = (("answers with labels", len(found)),)
    if reason := _why_not(of, whole):
        events = f"; {found.unanswered} labelled events had no answer"
        return Found(unjudged=(Unjudged("performance", reason + events),), rows=rows)
    measured: list[Measurement] = []
    unjudged: list[Unjudged] = []
    for part in (whole, *_slices(of, found), *_ages(found, whole)):
        if reason := _why_not(of, part):
            unjudged.append(Unjudged(f"performance, {part.name}", reason))
        else:
            measured.extend(_measured(of, found, part))
    return Found(tuple(measured), tuple(unjudged), rows)


def _why_not(of: Examination, part: Part) -> str:
    """Why a part cannot be judged; empty if it can."""
    if part.held is None:
        return "the release's holdout had no such rows; train it again"
    rows, needed = int(part.mask.sum()), of.model.drift.least_rows
    if rows >= needed:
        return ""
    return f"{rows} answers have a label that came to be trusted in the window; {needed} are needed"


def _measured(of: Examination, found: Outcomes, part: Part) -> Iterator[Measurement]:
    if part.held is None:
        return
    task, mask = found.answers.task, part.mask
    rows = task.resampled(found.labels[mask], found.answers.scores[mask])
    entities = found.answers.entities[mask]
    ranges = intervals.of(task, rows, entities, of.model.seed, RESAMPLES)
    yield from losses.measured(of.model, LOSS, part.held, ranges, len(entities), part.name)


def _slices(of: Examination, found: Outcomes) -> Iterator[Part]:
    metrics = of.release.metrics
    for name, values in found.answers.slices(of.model.slices).items():
        for value in np.unique(values):
            held = losses.of_slice(metrics, name, value)
            yield Part(f"{name} = {value or '(none)'}", values == value, held)


def _ages(found: Outcomes, whole: Part) -> Iterator[Part]:
    """Answers by their age, against the whole holdout; those of one age are no part."""
    edges = [each / timedelta(microseconds=1) for each in AGES]
    band = np.searchsorted(edges, found.ages, side="right")
    met = np.unique(band)
    for each in met if len(met) > 1 else ():
        yield Part(f"age {_AGES[each]}", band == each, whole.held)
