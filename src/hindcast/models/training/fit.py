"""Fit a declared estimator and the simple baseline beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from hindcast.definitions import Model
from hindcast.models.training import estimator
from hindcast.models.training.calibration import Calibration, log_odds
from hindcast.models.training.metrics import best_threshold
from hindcast.models.training.split import FOLDS

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """A classifier, how it is calibrated if it is, and the threshold at which it answers 1."""

    classifier: Any
    threshold: float
    calibration: Calibration | None = None

    def probabilities(self, matrix: NDArray[Any]) -> Reals:
        """The probability of 1, [rows]."""
        found = estimator.probabilities(self.classifier, matrix)
        return self.calibration.apply(found) if self.calibration else found


def fit(
    model: Model,
    matrix: NDArray[Any],
    labels: NDArray[np.int64],
    groups: NDArray[Any],
    numeric: Sequence[str] = (),
) -> Fitted:
    """Fit the estimator on all rows, calibrated (Platt) by predictions out of fold.

    Folds are whole entities. A threshold that is not declared is the best F1 out of fold.
    numeric: what the first columns are. Raises TrainingError where the estimator cannot be fitted.
    """
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=model.seed)
    parts = list(folds.split(matrix, labels, groups))
    everything = np.arange(len(labels))
    # One fit after the other on one thread: the order of additions and of draws, and so the
    # model's bytes, must not depend on which thread is faster. (OpenMP's limit holds for the
    # thread that sets it alone, and liblinear has one generator a process.)
    with threadpool_limits(1):
        *of_folds, whole = (
            estimator.fitted(model, matrix[rows], labels[rows], numeric)
            for rows in (*(train for train, _ in parts), everything)
        )
        scores = np.empty(len(labels))
        for classifier, (_, left_out) in zip(of_folds, parts, strict=True):
            scores[left_out] = estimator.probabilities(classifier, matrix[left_out])
        calibration = _calibration(scores, labels)
    threshold = model.threshold
    if threshold is None:
        threshold = best_threshold(labels, calibration.apply(scores))
    return Fitted(whole, threshold, calibration)


def fit_baseline(model: Model, matrix: NDArray[Any], labels: NDArray[np.int64]) -> Any:
    """Logistic regression on imputed and scaled numbers."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    regression = LogisticRegression(max_iter=1_000, random_state=model.seed)
    with threadpool_limits(1):
        return make_pipeline(numbers, regression).fit(matrix, labels)


def encoder(numeric: int, matrix: NDArray[Any]) -> Any:
    """A fitted step that keeps the first `numeric` columns and one-hot encodes the text after them.

    None where there is no text. A text that training has not seen is all zeros.
    """
    if numeric == matrix.shape[1]:
        return None
    texts = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32)
    columns = [
        ("numeric", "passthrough", slice(0, numeric)),
        ("text", texts, slice(numeric, matrix.shape[1])),
    ]
    return ColumnTransformer([part for part in columns if numeric or part[0] == "text"]).fit(matrix)


def encoded(step: Any, matrix: NDArray[Any]) -> NDArray[np.float32]:
    """The numeric matrix that an estimator is fitted on."""
    return np.asarray(matrix if step is None else step.transform(matrix), np.float32)


def with_encoder(step: Any, fitted: Fitted) -> Fitted:
    """The classifier behind its encoder, so that both are exported as one model."""
    if step is None:
        return fitted
    joined = Pipeline([("encode", step), ("classify", fitted.classifier)])
    return Fitted(joined, fitted.threshold, fitted.calibration)


def _calibration(scores: Reals, labels: NDArray[np.int64]) -> Calibration:
    """Logistic regression on the log-odds, without a penalty."""
    odds = log_odds(scores)[:, None]
    found = LogisticRegression(C=np.inf, max_iter=1_000).fit(odds, labels)
    return Calibration(float(found.coef_[0, 0]), float(found.intercept_[0]))
