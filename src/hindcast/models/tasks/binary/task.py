"""Models that classify 0 and 1: calibrated probabilities of 1, and a threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hindcast.definitions import TASKS, Model
from hindcast.errors import TrainingError
from hindcast.models.tasks import estimator as estimators
from hindcast.models.tasks.base import Fitted, Labels, Possible, Reals, Skill, TrainingRows
from hindcast.models.tasks.binary import curves, metrics
from hindcast.models.tasks.binary.calibration import Calibration, log_odds
from hindcast.models.tasks.binary.ranked import Ranked
from hindcast.models.tasks.folds import fit_out_of_fold, require_each
from hindcast.models.tasks.sampling import balanced

# Nearer to the threshold than this, float32 may fall on its other side.
UNDECIDED = 1e-6


@dataclass(frozen=True)
class Binary:
    """Labels are 0 and 1, scores the probability of 1; from the threshold on the answer is 1."""

    threshold: float

    name: ClassVar[str] = "binary"
    compared: ClassVar[tuple[str, ...]] = TASKS["binary"].compared
    shown: ClassVar[tuple[str, ...]] = ("roc_auc", "pr_auc", "ks", "brier", "log_loss")
    simple: ClassVar[str] = "logistic_regression"
    evidence: ClassVar[str] = "positives"
    skill: ClassVar[Skill] = Skill("roc_auc", 0.5, "probability_range", "probabilities")

    def labels(self, column: pa.ChunkedArray, name: str) -> NDArray[np.int64]:
        """0 or 1 per row; raises TrainingError for any other label."""
        labels = np.asarray(column.cast(pa.int64()).to_numpy(), np.int64)
        wrong = labels[~np.isin(labels, (0, 1))]
        if len(wrong):
            raise TrainingError(
                f"label '{name}' must be 0 or 1; it is not in {len(wrong)} rows, such as "
                f"{wrong[0]}; add a Check to its source"
            )
        return labels

    def require_enough(self, labels: Labels, groups: NDArray[Any] | None) -> None:
        """Raise TrainingError where few entities have one of the labels."""
        require_each(labels, groups, {1: "a positive label", 0: "a negative label"})

    @property
    def answers(self) -> str:
        """0 or 1."""
        return "0 or 1"

    def composition(self, labels: Labels) -> dict[str, Any]:
        """How many are 1."""
        return {"positives": int(labels.sum())}

    def outcomes(self, labels: Labels) -> Mapping[str, NDArray[np.int64]]:
        """The labels themselves."""
        return {"the labels": labels}

    def fit(self, model: Model, rows: TrainingRows) -> Fitted:
        """Fit the estimator on all rows, calibrated (Platt) by predictions out of fold.

        A threshold that is not declared is the best F1 out of fold.
        """
        whole, scores = fit_out_of_fold(
            rows,
            model.seed,
            lambda part: estimators.fitted(model, part.frame, part.labels),
            self.predict,
        )
        calibration = _calibration(scores, rows.labels)
        if model.threshold is not None:
            return Fitted(whole, self, calibration)
        best = metrics.best_threshold(rows.labels, calibration.apply(scores))
        return Fitted(whole, replace(self, threshold=best), calibration)

    def baseline(self, seed: int) -> Any:
        """Logistic regression on imputed and scaled numbers."""
        numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        return make_pipeline(numbers, LogisticRegression(max_iter=1_000, random_state=seed))

    def unfitted(self, known: Labels, last: Reals) -> dict[str, Reals]:
        """The share of 1 among the known labels."""
        return {"prevalence": np.full(len(last), known.mean())}

    def predict(self, estimator: Any, frame: Any) -> Reals:
        """The probability of 1, [rows]."""
        return estimators.probabilities(estimator, frame, 2)[:, 1]

    def scores(self, output: Reals) -> Reals:
        """The second column."""
        return output[:, 1]

    def distance(self, got: Reals, expected: Reals) -> tuple[float, int]:
        """The largest difference of probabilities, and answers that are others."""
        decided = np.abs(expected - self.threshold) > UNDECIDED
        others = ((got >= self.threshold) != (expected >= self.threshold)) & decided
        return float(np.max(np.abs(got - expected), initial=0.0)), int(others.sum())

    def evaluate(self, labels: Labels, scores: Reals) -> dict[str, Any]:
        """All metrics of one model on one set of rows."""
        return metrics.evaluate(labels, scores, self.threshold)

    def resampled(self, labels: Labels, scores: Reals) -> Ranked:
        """The rows in the order of their scores."""
        return Ranked(labels, scores)

    def worth(self, labels: Labels, scores: Reals) -> float:
        """ROC AUC."""
        return float(roc_auc_score(labels, scores))

    def judged(self, labels: Labels, random: np.random.Generator) -> NDArray[np.int64]:
        """As many rows of each label as there can be."""
        return balanced(labels, random)

    def drawings(self, labels: Labels, scores: Reals, baseline: Reals) -> dict[str, Any]:
        """ROC and precision-recall curves of both, and the model's scores of each label."""
        return {
            "curves": {
                "model": curves.curves(labels, scores),
                self.simple: curves.curves(labels, baseline),
            },
            "score_distribution": curves.score_distribution(labels, scores),
        }

    def answered(self, scores: Reals) -> Reals:
        """The probabilities."""
        return scores

    def logged(self, answers: Sequence[Mapping[str, Any]]) -> Reals:
        """The probability of each answer."""
        return np.array([float(answer["probability"]) for answer in answers])

    def uncertainty(self, labels: Labels, scores: Reals) -> dict[str, Any]:
        """Nothing: a calibrated probability says itself how sure it is."""
        return {}

    def possible(self, scores: Reals, uncertainty: Mapping[str, Any]) -> Possible:
        """1 by the probability, and 0 by the rest of it (NannyML's CBPE)."""
        labels = np.repeat([1, 0], len(scores))
        return Possible(labels, np.tile(scores, 2), np.concatenate([scores, 1 - scores]))

    def plan(self) -> dict[str, Any]:
        """The threshold."""
        return {"threshold": self.threshold}


def _calibration(scores: Reals, labels: Labels) -> Calibration:
    """Logistic regression on the log-odds, without a penalty."""
    odds = log_odds(scores)[:, None]
    found = LogisticRegression(C=np.inf, max_iter=1_000).fit(odds, labels)
    return Calibration(float(found.coef_[0, 0]), float(found.intercept_[0]))
