"""An interval is measured on rows that the estimator was not fitted on."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

from hindcast.errors import TrainingError
from hindcast.models.tasks.base import TrainingRows
from hindcast.models.tasks.regression.task import Regression
from tests.unit.models.training import samples


class Remembers(DummyRegressor):  # type: ignore[misc]  # sklearn has no types
    """Notes which rows it was fitted on."""

    seen: list[float]

    def fit(self, frame: Any, labels: Any) -> Any:
        Remembers.seen = frame["x"].tolist()
        return super().fit(frame, labels)


def rows(groups: np.ndarray | None, count: int = 100) -> TrainingRows:
    places = np.arange(count, dtype=np.float64)
    return TrainingRows(pd.DataFrame({"x": places}), places * 2, groups)


def fit(given: TrainingRows, estimator: Any, **fields: Any) -> Any:
    model = samples.model(lambda seed: estimator, task="regression", **fields)
    return Regression(model.coverage or 0.9, 0.0).fit(model, given)


def test_without_entities_the_newest_rows_are_left_for_the_interval() -> None:
    fitted = fit(rows(None), Remembers())
    assert Remembers.seen == list(range(80))
    # It says 79 always, and the labels are 160 to 198: the 19th of 20 residuals is 117.
    assert fitted.task.plan() == {"interval": {"coverage": 0.9, "half_width": 117.0}}


def test_entities_are_left_whole() -> None:
    fit(rows(np.arange(100) // 5), Remembers())
    assert len(Remembers.seen) == 80
    whole, counts = np.unique(np.array(Remembers.seen) // 5, return_counts=True)
    assert len(whole) == 16
    assert set(counts.tolist()) == {5}


def test_too_few_rows_for_a_coverage_say_so() -> None:
    with pytest.raises(TrainingError, match=r"coverage 0\.99 cannot be made from 20 calibration"):
        fit(rows(None), LinearRegression(), coverage=0.99)
    with pytest.raises(TrainingError, match="too few rows are in the training part: 19,"):
        Regression(0.9, 0).require_enough(np.ones(19), None)


def test_a_classifier_estimates_no_numbers() -> None:
    with pytest.raises(TrainingError, match="LogisticRegression estimates no numbers"):
        fit(rows(None), LogisticRegression())


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_label_that_is_no_number_is_refused(wrong: float) -> None:
    with pytest.raises(TrainingError, match=r"'trips\.minutes' is no finite number in 1 rows"):
        Regression(0.9, 0).labels(pa.chunked_array([[1.0, wrong]]), "trips.minutes")


def test_a_difference_is_a_share_of_the_largest_estimate() -> None:
    expected = np.array([1e6, -2e6, 0.0])
    assert Regression(0.9, 0).distance(expected + 1, expected) == (5e-7, 0)
    assert Regression(0.9, 0).distance(np.zeros(2), np.zeros(2)) == (0.0, 0)
