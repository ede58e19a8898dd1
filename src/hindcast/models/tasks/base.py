"""What is asked of every kind of target, so that training and evaluation know no difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import onnx
import pyarrow as pa
from numpy.typing import NDArray

from hindcast.definitions import Model

Reals = NDArray[np.float64]
# 0 and 1, or places in a list of classes, or the numbers themselves; [rows].
Labels = NDArray[Any]


class Adjustment(Protocol):
    """What is done with an estimator's scores before they are an answer."""

    def apply(self, scores: Reals) -> Reals:
        """Adjusted scores."""

    def append(self, model: onnx.ModelProto) -> None:
        """Let an exported model give the adjusted scores."""


class Resampled(Protocol):
    """The rows of one score vector, measured again and again with other weights."""

    def measure(self, weights: NDArray[Any]) -> Reals:
        """The task's `compared` metrics with a weight per row; NaN where one is not defined."""


@dataclass(frozen=True)
class Possible:
    """Rows with each label that they may have, one label of all rows after the other.

    labels, scores: [labels * rows]. weights: how likely a row has that label.
    """

    labels: Labels
    scores: Reals
    weights: Reals


@dataclass(frozen=True)
class TrainingRows:
    """What an estimator is fitted on; groups: the entity of each row, None where none matters.

    frame: a pandas DataFrame, [rows, features]. Rows are in the order of their event timestamps
    where groups is None.
    """

    frame: Any
    labels: Labels
    groups: NDArray[Any] | None

    def of(self, rows: NDArray[np.int64]) -> "TrainingRows":
        """Some of the rows, by place."""
        groups = None if self.groups is None else self.groups[rows]
        return TrainingRows(self.frame.iloc[rows], self.labels[rows], groups)


@dataclass(frozen=True)
class Fitted:
    """A fitted estimator, what becomes of its scores, and the task with all that it learned.

    seen: the places of the training rows that the estimator was fitted on; None for all of them.
    """

    estimator: Any
    task: "Task"
    adjustment: Adjustment | None = None
    seen: NDArray[np.int64] | None = None

    def scores(self, frame: Any) -> Reals:
        """The scores of a DataFrame's rows."""
        found = self.task.predict(self.estimator, frame)
        return self.adjustment.apply(found) if self.adjustment else found


@dataclass(frozen=True)
class Skill:
    """What a model without skill does not reach.

    metric: one that rises, with the value it has by chance. range: the metric that holds the lowest
    and the highest score. scores: what these are, for people.
    """

    metric: str
    chance: float
    range: str
    scores: str


class Task(Protocol):
    """One kind of target.

    Scores are [rows], or [rows, classes] of probabilities. compared: metrics that a bootstrap has
    intervals of. shown: those of a report, the most important first. simple: the name of
    the fitted baseline. evidence: the metric that counts what there is to judge by.
    """

    name: ClassVar[str]
    compared: ClassVar[tuple[str, ...]]
    shown: ClassVar[tuple[str, ...]]
    simple: ClassVar[str]
    evidence: ClassVar[str]
    skill: ClassVar[Skill]

    def labels(self, column: pa.ChunkedArray, name: str) -> Labels:
        """The label of each row; raises TrainingError for what the task cannot learn."""

    def require_enough(self, labels: Labels, groups: NDArray[Any] | None) -> None:
        """Raise TrainingError where a training part lacks what the task needs."""

    @property
    def answers(self) -> str:
        """What it answers, for people; two models that answer the same can be compared."""

    def composition(self, labels: Labels) -> dict[str, Any]:
        """What a training part consists of, besides its rows."""

    def outcomes(self, labels: Labels) -> Mapping[str, NDArray[np.int64]]:
        """What a feature that knows the label would tell apart -> 0 or 1 per row."""

    def fit(self, model: Model, rows: TrainingRows) -> Fitted:
        """Fit the model's estimator; raises TrainingError where it cannot be fitted."""

    def baseline(self, seed: int) -> Any:
        """The simple baseline, unfitted; reads numbers, null is NaN."""

    def unfitted(self, known: Labels, last: Reals) -> Mapping[str, Reals]:
        """Baselines that are not fitted -> what they say of rows, having seen the known labels.

        last: per row, the last label of its entity that was known then; NaN where none was.
        """

    def predict(self, estimator: Any, frame: Any) -> Reals:
        """scikit-learn's scores; raises TrainingError where the estimator gives none."""

    def scores(self, output: Reals) -> Reals:
        """The scores in ONNX Runtime's output, [rows, columns]."""

    def distance(self, got: Reals, expected: Reals) -> tuple[float, int]:
        """How far ONNX's scores are from scikit-learn's, and how many answers are others."""

    def evaluate(self, labels: Labels, scores: Reals) -> dict[str, Any]:
        """All metrics of one model on one set of rows."""

    def resampled(self, labels: Labels, scores: Reals) -> Resampled:
        """The same rows, ready to be weighted."""

    def worth(self, labels: Labels, scores: Reals) -> float:
        """The metric by which features are ranked; more is better."""

    def judged(self, labels: Labels, random: np.random.Generator) -> NDArray[np.int64]:
        """The places of rows, at most so many, that features are ranked by."""

    def drawings(self, labels: Labels, scores: Reals, baseline: Reals) -> dict[str, Any]:
        """What plots need besides the metrics."""

    def answered(self, scores: Reals) -> NDArray[Any]:
        """What drift counts answers by, [rows]: numbers, or the texts of classes."""

    def logged(self, answers: Sequence[Mapping[str, Any]]) -> Reals:
        """The scores of answers as the prediction log has them."""

    def uncertainty(self, labels: Labels, scores: Reals) -> dict[str, Any]:
        """What `possible` needs to know of the holdout's errors, as JSON has it."""

    def possible(self, scores: Reals, uncertainty: Mapping[str, Any]) -> Possible:
        """The labels that rows may have, by their scores; uncertainty: that of the release."""

    def plan(self) -> dict[str, Any]:
        """What serving needs to know of the task."""
