"""Labels and the scores of a model that is right about them, of each task."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from hindcast.models.tasks.base import Labels, Reals, Task
from hindcast.models.tasks.binary.task import Binary
from hindcast.models.tasks.multiclass.task import Multiclass
from hindcast.models.tasks.regression.task import Regression

Sample = Callable[..., tuple[Labels, Reals]]


def binary(random: Generator, rows: int, hard: bool = False) -> tuple[Labels, Reals]:
    """Calibrated probabilities; hard ones lie near a half."""
    chances = random.beta(5, 5, rows) if hard else random.beta(0.5, 1.5, rows)
    return (random.random(rows) < chances).astype(np.int64), chances


def multiclass(random: Generator, rows: int, hard: bool = False) -> tuple[Labels, Reals]:
    """Calibrated probabilities of three classes; hard ones are nearly equal."""
    chances = random.dirichlet([5, 5, 5] if hard else [0.4, 0.3, 0.5], rows)
    drawn = random.random((rows, 1))
    return (drawn > chances.cumsum(axis=1)[:, :2]).sum(axis=1), chances


def regression(random: Generator, rows: int, hard: bool = False) -> tuple[Labels, Reals]:
    """Estimates whose errors grow with them; hard ones are high."""
    estimates = random.uniform(6, 10, rows) if hard else random.uniform(0, 10, rows)
    return estimates + random.normal(0, 0.1 + estimates / 5), estimates


SAMPLES: dict[str, tuple[Task, Sample]] = {
    "binary": (Binary(0.5), binary),
    "multiclass": (Multiclass(("a", "b", "c")), multiclass),
    "regression": (Regression(0.9, 2.0), regression),
}
