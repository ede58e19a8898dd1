"""Models that estimate a number, with an interval that holds a declared share of the labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hindcast.definitions import TASKS, Model
from hindcast.errors import TrainingError
from hindcast.models.tasks import estimator as estimators
from hindcast.models.tasks.base import Fitted, Labels, Possible, Reals, Skill, TrainingRows
from hindcast.models.tasks.regression import errors, metrics
from hindcast.models.tasks.sampling import some

# What the interval is measured on, and the estimator is not fitted on.
CALIBRATION_SHARE = 0.2
LEAST_ROWS = 20


@dataclass(frozen=True)
class Regression:
    """Labels and scores are numbers, [rows]; the interval is the score -/+ half_width."""

    coverage: float
    half_width: float

    name: ClassVar[str] = "regression"
    compared: ClassVar[tuple[str, ...]] = TASKS["regression"].compared
    shown: ClassVar[tuple[str, ...]] = ("mae", "rmse", "r2", "pinball", "coverage")
    simple: ClassVar[str] = "ridge"
    evidence: ClassVar[str] = "rows"
    skill: ClassVar[Skill] = Skill("r2", 0.0, "estimate_range", "estimates")

    def labels(self, column: pa.ChunkedArray, name: str) -> Reals:
        """The number of each row; raises TrainingError for one that is not finite."""
        labels = np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
        wrong = labels[~np.isfinite(labels)]
        if len(wrong):
            raise TrainingError(
                f"label '{name}' is no finite number in {len(wrong)} rows, such as {wrong[0]}; "
                "add a Check to its source"
            )
        return labels

    def require_enough(self, labels: Labels, groups: NDArray[Any] | None) -> None:
        """Raise TrainingError where the training part is too small to calibrate on a part of it."""
        if len(labels) < LEAST_ROWS:
            raise TrainingError(
                f"too few rows are in the training part: {len(labels)}, {LEAST_ROWS} are needed; "
                "train on more data"
            )

    @property
    def answers(self) -> str:
        """A number."""
        return "a number"

    def composition(self, labels: Labels) -> dict[str, Any]:
        """Their mean, and how far they spread."""
        return {"mean": float(labels.mean()), "deviation": float(labels.std())}

    def outcomes(self, labels: Labels) -> Mapping[str, NDArray[np.int64]]:
        """Whether a label is above the median: what knows the label tells these apart too."""
        return {"high and low labels": (labels > np.median(labels)).astype(np.int64)}

    def fit(self, model: Model, rows: TrainingRows) -> Fitted:
        """Fit the estimator without a calibration part, and measure the interval on that.

        The part is of whole entities where rows have groups, else the newest rows. Raises
        TrainingError where it is too small for the coverage.
        """
        seen, unseen = _parts(rows, model.seed)
        fitted, left_out = rows.of(seen), rows.of(unseen)
        estimator = estimators.fitted(model, fitted.frame, fitted.labels)
        residuals = left_out.labels - self.predict(estimator, left_out.frame)
        half_width = metrics.half_width(residuals, self.coverage)
        if half_width is None:
            raise TrainingError(
                f"an interval of coverage {self.coverage:g} cannot be made from {len(residuals)} "
                "calibration rows; train on more data, or lower the model's coverage"
            )
        return Fitted(estimator, replace(self, half_width=half_width), seen=seen)

    def baseline(self, seed: int) -> Any:
        """Ridge regression on imputed and scaled numbers."""
        numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        return make_pipeline(numbers, Ridge(random_state=seed))

    def unfitted(self, known: Labels, last: Reals) -> dict[str, Reals]:
        """The mean of the known labels; the entity's last one where some row has one, else that."""
        mean, has_last = np.full(len(last), known.mean()), np.isfinite(last)
        found = {"mean": mean}
        return {**found, "last": np.where(has_last, last, mean)} if has_last.any() else found

    def predict(self, estimator: Any, frame: Any) -> Reals:
        """Estimates, [rows]."""
        return estimators.estimates(estimator, frame)

    def scores(self, output: Reals) -> Reals:
        """The only column."""
        return output.reshape(-1)

    def distance(self, got: Reals, expected: Reals) -> tuple[float, int]:
        """The largest difference, as a share of the largest estimate; no answer is another one."""
        scale = float(np.max(np.abs(expected), initial=0.0)) or 1.0
        return float(np.max(np.abs(got - expected), initial=0.0)) / scale, 0

    def evaluate(self, labels: Labels, scores: Reals) -> dict[str, Any]:
        """All metrics of one model on one set of rows."""
        return metrics.evaluate(labels, scores, self.half_width, self.coverage)

    def resampled(self, labels: Labels, scores: Reals) -> "Errors":
        """What each row costs."""
        return Errors(labels - scores, self)

    def worth(self, labels: Labels, scores: Reals) -> float:
        """The mean absolute error, negative."""
        return -float(np.abs(labels - scores).mean())

    def judged(self, labels: Labels, random: np.random.Generator) -> NDArray[np.int64]:
        """Rows as they come."""
        return some(len(labels), random)

    def drawings(self, labels: Labels, scores: Reals, baseline: Reals) -> dict[str, Any]:
        """Quantiles of the errors of both."""
        shares = np.linspace(0, 1, 101)
        return {
            "errors": {
                "shares": shares.tolist(),
                "model": np.quantile(scores - labels, shares).tolist(),
                self.simple: np.quantile(baseline - labels, shares).tolist(),
            }
        }

    def answered(self, scores: Reals) -> Reals:
        """The estimates."""
        return scores

    def logged(self, answers: Sequence[Mapping[str, Any]]) -> Reals:
        """The estimate of each answer."""
        return np.array([float(answer["prediction"]) for answer in answers])

    def uncertainty(self, labels: Labels, scores: Reals) -> dict[str, Any]:
        """How far the label was from the estimate, in parts of the estimates."""
        return errors.by_estimate(labels, scores)

    def possible(self, scores: Reals, uncertainty: Mapping[str, Any]) -> Possible:
        """The estimate off by each of the holdout's errors for estimates like it."""
        return errors.possible(scores, uncertainty)

    def plan(self) -> dict[str, Any]:
        """The interval."""
        return {"interval": {"coverage": self.coverage, "half_width": self.half_width}}


class Errors:
    """The rows of one score vector, so that a weighted metric is a sum."""

    def __init__(self, errors: Reals, task: Regression) -> None:
        pinball = metrics.pinball(errors, task.half_width, task.coverage)
        self._costs = (np.abs(errors), errors**2, pinball)

    def measure(self, weights: NDArray[Any]) -> Reals:
        """MAE, RMSE and pinball loss; NaN where no row has a weight."""
        total = weights.sum()
        if not total:
            return np.full(3, np.nan)
        # Not a dot product: BLAS adds in another order with another number of threads.
        absolute, square, pinball = ((weights * each).sum() / total for each in self._costs)
        return np.array([absolute, np.sqrt(square), pinball])


def _parts(rows: TrainingRows, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places of the rows to fit on, and of those to calibrate on."""
    count = len(rows.labels)
    if rows.groups is None:
        cut = count - int(np.ceil(count * CALIBRATION_SHARE))
        return np.arange(cut), np.arange(cut, count)
    entities = GroupShuffleSplit(1, test_size=CALIBRATION_SHARE, random_state=seed)
    fitted, left_out = next(entities.split(rows.frame, rows.labels, rows.groups))
    return fitted, left_out
