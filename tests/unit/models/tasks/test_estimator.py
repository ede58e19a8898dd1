"""Whatever a user's estimator does wrong is one line that says what, and what mends it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import AdaBoostClassifier
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.svm import SVC

from hindcast.errors import TrainingError
from hindcast.models.tasks import estimator
from hindcast.models.training import onnx_export
from tests.unit.models.training import samples

ROWS = pd.DataFrame({"events": [0, 1, 2, 3], "amount": [1, None, 3, 5]}, dtype=np.float32)
LABELS = np.array([0, 1, 0, 1])


class Odd(BaseEstimator):  # type: ignore[misc]  # sklearn has no types
    """A classifier that gives what it is told to give."""

    def __init__(self, gives: Any = None) -> None:
        self.gives = gives

    def fit(self, matrix: Any, labels: Any) -> "Odd":
        return self

    def predict_proba(self, matrix: Any) -> Any:
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


def broken(seed: int) -> Any:
    raise KeyError("depth\nand more")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (broken, r"the function that makes the estimator failed: 'depth\\nand more'"),
        (lambda seed: LogisticRegression, "is the class LogisticRegression; return one of it"),
        (lambda seed: None, "NoneType gives no probabilities; use a classifier with predict_proba"),
        (lambda seed: Ridge(), "Ridge gives no probabilities"),
        (lambda seed: SVC(probability=False), "SVC gives no probabilities"),
        (lambda seed: SGDClassifier(), "SGDClassifier gives no probabilities"),
        (
            lambda seed: LogisticRegression(),
            r"LogisticRegression could not be fitted: Input X contains NaN \(amount have nulls\); "
            "impute in the estimator",
        ),
        (
            lambda seed: make_pipeline(SimpleImputer(), LogisticRegression(C=-1)),
            "LogisticRegression could not be fitted: The 'C' parameter .*",
        ),
    ],
)
def test_an_estimator_that_cannot_be_fitted_says_why_in_one_line(made: Any, message: str) -> None:
    with pytest.raises(TrainingError, match=message) as caught:
        estimator.fitted(samples.model(made), ROWS, LABELS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("gives", "message"),
    [
        (ValueError("too odd.\nSee there"), "Odd could not give probabilities: too odd$"),
        (np.zeros((4, 3)), r"Odd gives probabilities of shape \(4, 3\), not of 2 labels"),
        (np.full((4, 2), np.nan), "Odd gives probabilities that are no numbers"),
    ],
)
def test_a_classifier_that_gives_no_probabilities_is_named(gives: Any, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        estimator.probabilities(Odd(gives), ROWS, 2)


@pytest.mark.parametrize(
    ("unknown", "name"),
    [
        (Odd(), "Odd"),
        (make_pipeline(SimpleImputer(), Odd()), "Odd"),
        (make_pipeline(ColumnTransformer([("q", Odd(), [0])]), LogisticRegression()), "Odd"),
    ],
)
def test_a_part_without_a_converter_is_named_before_anything_is_computed(
    unknown: Any, name: str
) -> None:
    with pytest.raises(TrainingError, match=f"{name} does not convert to ONNX"):
        onnx_export.require_known(unknown)


def test_parts_with_converters_are_let_through() -> None:
    for known in (
        make_pipeline(ColumnTransformer([("scaled", StandardScaler(), [0])]), AdaBoostClassifier()),
        make_pipeline(SimpleImputer(), QuantileTransformer(), GaussianProcessClassifier()),
    ):
        onnx_export.require_known(known)
