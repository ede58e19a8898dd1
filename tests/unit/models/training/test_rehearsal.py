"""What does not convert to ONNX is told before the training set is built."""

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from hindcast.errors import ReleaseError
from hindcast.models.training.rehearsal import require_convertible
from tests.unit.models.training import samples


def rehearse(estimator: Any, task: Any = "binary") -> None:
    require_convertible(samples.model(lambda seed: estimator, task=task), ["a", "b"], ["kind"])


def test_a_part_that_converts_for_some_arguments_alone_is_refused() -> None:
    with pytest.raises(ReleaseError, match=r"does not convert to ONNX: .*FunctionTransformer"):
        rehearse(make_pipeline(SimpleImputer(), FunctionTransformer(np.exp), LogisticRegression()))


@pytest.mark.parametrize(
    ("estimator", "task"),
    [
        (make_pipeline(SimpleImputer(), LogisticRegression()), "multiclass"),
        (make_pipeline(SimpleImputer(), RandomForestRegressor(5)), "regression"),
        # Nulls stop it, and real rows may have none.
        (LogisticRegression(), "binary"),
        # More neighbours than made-up rows: that says nothing of real ones.
        (KNeighborsClassifier(n_neighbors=10_000), "binary"),
    ],
)
def test_what_converts_or_cannot_be_told_is_let_through(estimator: Any, task: str) -> None:
    rehearse(estimator, task)
