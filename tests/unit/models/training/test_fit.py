"""Fits run side by side where that changes nothing, and calibration undoes a weighting."""

import threading
import time
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hindcast.models.training.fit import fit
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


def example(rows: int = 3_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(rows, 2)).astype(np.float32)
    labels = (random.random(rows) < 1 / (1 + np.exp(4 - 2 * matrix[:, 0]))).astype(np.int64)
    return matrix, labels, np.arange(rows) // 3


def test_fits_that_share_liblinears_generator_do_not_interleave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Watched, "most", 0)
    fit(samples.model(lambda seed: Watched(solver="liblinear", random_state=seed)), *example())
    assert Watched.most == 1


@pytest.mark.parametrize("weights", [None, "balanced"])
def test_calibration_undoes_a_weighting_of_the_classes(weights: str | None) -> None:
    matrix, labels, groups = example()
    fitted = fit(
        samples.model(lambda seed: LogisticRegression(class_weight=weights)),
        matrix,
        labels,
        groups,
    )
    found = fitted.probabilities(matrix)
    assert found.mean() == pytest.approx(labels.mean(), rel=0.02)
    assert fitted.calibration is not None
    assert fitted.calibration.slope == pytest.approx(1, abs=0.1)
    assert (fitted.calibration.offset < -1) == (weights == "balanced")


def test_a_threshold_is_chosen_unless_one_is_declared() -> None:
    def estimator(seed: int) -> Any:
        return LogisticRegression()

    assert fit(samples.model(estimator, threshold=0.7), *example()).threshold == 0.7
    assert 0.1 < fit(samples.model(estimator), *example()).threshold < 0.7
