"""What metrics are expected to be without labels, against what they are once labels are there."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.random import Generator

from hindcast.models.tasks import expected
from hindcast.models.tasks.base import Labels, Reals, Task
from hindcast.models.tasks.binary.task import Binary
from hindcast.models.tasks.expected import Expected
from hindcast.models.tasks.multiclass.task import Multiclass
from hindcast.models.tasks.regression.task import Regression

ROWS = 20_000
Rows = Callable[[Generator, bool], tuple[Labels, Reals]]


def binary(random: Generator, hard: bool) -> tuple[Labels, Reals]:
    """Calibrated probabilities; hard ones lie near a half."""
    chances = random.beta(5, 5, ROWS) if hard else random.beta(0.5, 1.5, ROWS)
    return (random.random(ROWS) < chances).astype(np.int64), chances


def multiclass(random: Generator, hard: bool) -> tuple[Labels, Reals]:
    """Calibrated probabilities of three classes; hard ones are nearly equal."""
    chances = random.dirichlet([5, 5, 5] if hard else [0.4, 0.3, 0.5], ROWS)
    drawn = random.random((ROWS, 1))
    return (drawn > chances.cumsum(axis=1)[:, :2]).sum(axis=1), chances


def regression(random: Generator, hard: bool) -> tuple[Labels, Reals]:
    """Estimates whose errors grow with them; hard ones are high."""
    estimates = random.uniform(6, 10, ROWS) if hard else random.uniform(0, 10, ROWS)
    return estimates + random.normal(0, 0.1 + estimates / 5), estimates


@pytest.mark.parametrize(
    ("task", "rows"),
    [
        (Binary(0.5), binary),
        (Multiclass(("a", "b", "c")), multiclass),
        (Regression(0.9, 2.0), regression),
    ],
    ids=["binary", "multiclass", "regression"],
)
def test_what_is_expected_is_near_what_labels_show_also_where_rows_became_harder(
    task: Task, rows: Rows
) -> None:
    random = np.random.default_rng(3)
    held = expected.of_holdout(task, *rows(random, False))
    labels, scores = rows(random, True)
    weights = np.ones(ROWS)

    estimated = Expected(task, scores, held["uncertainty"]).measure(weights)
    known = task.resampled(labels, scores).measure(weights)
    before = np.array([held["expected"][name] for name in task.compared])

    # They did become harder, by far more than the estimate is off.
    assert np.abs(known / before - 1).max() > 0.5
    assert estimated == pytest.approx(known, rel=0.05)
