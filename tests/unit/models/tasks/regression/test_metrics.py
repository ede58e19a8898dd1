"""Metrics of numbers are scikit-learn's, and an interval is as wide as its coverage needs."""

import numpy as np
import pytest
from sklearn import metrics as sklearn

from hindcast.models.tasks.regression import metrics
from hindcast.models.tasks.regression.task import Regression


def example(rows: int = 500) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    labels = random.normal(50, 10, rows)
    return labels, labels + random.normal(0, 3, rows)


def test_metrics_are_scikit_learns() -> None:
    labels, estimates = example()
    found = metrics.evaluate(labels, estimates, half_width=5.0, coverage=0.9)
    assert found["mae"] == pytest.approx(sklearn.mean_absolute_error(labels, estimates))
    assert found["rmse"] == pytest.approx(sklearn.root_mean_squared_error(labels, estimates))
    assert found["r2"] == pytest.approx(sklearn.r2_score(labels, estimates))
    ends = [(estimates - 5, 0.05), (estimates + 5, 0.95)]
    losses = [sklearn.mean_pinball_loss(labels, end, alpha=alpha) for end, alpha in ends]
    assert found["pinball"] == pytest.approx(np.mean(losses))
    assert found["coverage"] == (np.abs(labels - estimates) <= 5).mean()


def test_labels_that_are_all_alike_have_no_r2() -> None:
    assert metrics.evaluate(np.ones(3), np.arange(3.0), 1.0, 0.9)["r2"] is None


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_an_interval_holds_its_share_of_new_labels_on_average(coverage: float) -> None:
    random = np.random.default_rng(1)
    shares = []
    for _ in range(200):
        width = metrics.half_width(random.standard_t(3, 60), coverage)
        assert width is not None
        shares.append((np.abs(random.standard_t(3, 200)) <= width).mean())
    assert np.mean(shares) == pytest.approx(coverage, abs=0.02)


def test_too_few_residuals_have_no_interval() -> None:
    residuals = np.array([-1.0, 2.0, 3.0])
    assert metrics.half_width(residuals, 0.75) == 3.0
    assert metrics.half_width(residuals, 0.9) is None


def test_a_weight_is_as_many_rows() -> None:
    labels, estimates = example(40)
    task, weights = Regression(0.9, 4.0), np.arange(40) % 3
    found = task.resampled(labels, estimates).measure(weights)
    repeated = task.evaluate(np.repeat(labels, weights), np.repeat(estimates, weights))
    assert found == pytest.approx([repeated[name] for name in task.compared])
    assert np.isnan(task.resampled(labels, estimates).measure(np.zeros(40))).all()
