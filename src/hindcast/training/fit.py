"""Fit a declared estimator and the simple baseline beside it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import parallel_config
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from hindcast.definitions import Model
from hindcast.training.metrics import best_threshold
from hindcast.training.split import FOLDS


@dataclass(frozen=True)
class Fitted:
    """A calibrated classifier, and the threshold at which it answers 1."""

    classifier: Any
    threshold: float

    def probabilities(self, matrix: NDArray[Any]) -> NDArray[np.float64]:
        """The probability of 1, [rows]."""
        return np.asarray(self.classifier.predict_proba(matrix)[:, 1], np.float64)


def fit(
    model: Model, matrix: NDArray[Any], labels: NDArray[np.int64], groups: NDArray[Any]
) -> Fitted:
    """Fit the estimator on all rows, calibrated (Platt) by predictions out of fold.

    Folds are whole entities. A threshold that is not declared is the best F1 out of fold.
    """
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=model.seed)
    parts = list(folds.split(matrix, labels, groups))
    # Folds run side by side, each on one thread: the order of additions, and so the model's
    # bytes, must not depend on which of several threads is faster.
    with threadpool_limits(1), parallel_config("threading"):
        classifier = CalibratedClassifierCV(
            _one_thread(model), method="sigmoid", ensemble=False, cv=parts, n_jobs=-1
        ).fit(matrix, labels)
        threshold = model.threshold
        if threshold is None:
            threshold = _threshold(model, classifier, parts, matrix, labels)
    return Fitted(classifier, threshold)


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
    return Fitted(joined, fitted.threshold)


def _one_thread(model: Model) -> Any:
    estimator = model.estimator(model.seed)
    parameters = estimator.get_params()
    jobs = [name for name in parameters if name.endswith("n_jobs") and parameters[name]]
    return estimator.set_params(**dict.fromkeys(jobs, 1))


def _threshold(
    model: Model,
    classifier: CalibratedClassifierCV,
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
    matrix: NDArray[Any],
    labels: NDArray[np.int64],
) -> float:
    """Out-of-fold scores through the fitted calibrator, so that no row judged itself."""
    scores = cross_val_predict(
        _one_thread(model), matrix, labels, cv=parts, method="predict_proba", n_jobs=-1
    )[:, 1]
    calibrator = classifier.calibrated_classifiers_[0].calibrators[0]
    return best_threshold(labels, np.asarray(calibrator.predict(scores), np.float64))
