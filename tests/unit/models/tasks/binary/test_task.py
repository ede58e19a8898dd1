"""Fits run side by side where that changes nothing, and calibration undoes a weighting."""

import threading
import time
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

from hindcast.errors import TrainingError
from hindcast.models.tasks.base import Fitted, TrainingRows
from hindcast.models.tasks.binary.calibration import Calibration
from hindcast.models.tasks.binary.task import Binary
from tests.unit.models.training import samples


class Watched(LogisticRegression):  # type: ignore[misc]  # sklearn has no types
    """Notes how many fits are under way at once; shared by clones through the class."""

    lock = threading.Lock()
    now, most = 0, 0

    def fit(self, *arguments: Any, **options: Any) -> Any:
        with self.lock:
            Watched.now += 1
            Watched.most = max(Watched.most, Watched.now)
        time.sleep(0.05)
        try:
            return super().fit(*arguments, **options)
        finally:
            with self.lock:
                Watched.now -= 1


def example(rows: int = 3_000) -> TrainingRows:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(rows, 2)).astype(np.float32)
    labels = (random.random(rows) < 1 / (1 + np.exp(4 - 2 * matrix[:, 0]))).astype(np.int64)
    return TrainingRows(pd.DataFrame(matrix), labels, np.arange(rows) // 3)


def fit(estimator: Any, **options: Any) -> Fitted:
    return Binary(0.5).fit(samples.model(estimator, **options), example())


def test_fits_that_share_liblinears_generator_do_not_interleave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Watched, "most", 0)
    fit(lambda seed: Watched(solver="liblinear", random_state=seed))
    assert Watched.most == 1


@pytest.mark.parametrize("weights", [None, "balanced"])
def test_calibration_undoes_a_weighting_of_the_classes(weights: str | None) -> None:
    rows, fitted = example(), fit(lambda seed: LogisticRegression(class_weight=weights))
    assert fitted.scores(rows.frame).mean() == pytest.approx(rows.labels.mean(), rel=0.02)
    assert isinstance(fitted.adjustment, Calibration)
    assert fitted.adjustment.slope == pytest.approx(1, abs=0.1)
    assert (fitted.adjustment.offset < -1) == (weights == "balanced")


def test_a_threshold_that_is_not_declared_is_chosen() -> None:
    chosen = fit(lambda seed: LogisticRegression())
    assert 0.1 < chosen.task.plan()["threshold"] < 0.7


def test_labels_other_than_0_and_1_are_refused_with_their_number() -> None:
    column = pa.chunked_array([[1, 0, 7], [-1, 0]])
    with pytest.raises(TrainingError, match=r"'events\.label' must be .* in 2 rows, such as 7"):
        Binary(0.5).labels(column, "events.label")
