"""Metrics are what their names say, and null where they are not defined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hindcast.models.tasks.binary import metrics

LABELS = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
SCORES = np.array([0.9, 0.2, 0.1, 0.1, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1])


def test_recall_is_recall_and_precision_is_precision() -> None:
    found = metrics.confusion(LABELS, SCORES, threshold=0.15)
    assert (found["tp"], found["fp"], found["fn"], found["tn"]) == (2, 1, 2, 5)
    assert found["precision"] == pytest.approx(2 / 3)
    assert found["recall"] == pytest.approx(2 / 4)
    assert found["f1"] == pytest.approx(4 / 7)


def test_a_probability_at_the_threshold_is_answered_with_1() -> None:
    assert metrics.confusion(np.array([1]), np.array([0.5]), threshold=0.5)["tp"] == 1


def test_precision_is_null_when_nothing_is_answered_with_1() -> None:
    found = metrics.confusion(LABELS, SCORES, threshold=0.99)
    assert found["precision"] is None
    assert found["recall"] == 0


def test_ranking_metrics_of_a_perfect_ranking_are_1() -> None:
    found = metrics.evaluate(LABELS, LABELS * 0.8 + 0.1, threshold=0.5)
    assert found["roc_auc"] == found["pr_auc"] == found["ks"] == 1.0


def test_ranking_metrics_of_one_class_are_null_with_the_reason() -> None:
    found = metrics.evaluate(np.zeros(5, int), np.full(5, 0.1), threshold=0.5)
    assert found["roc_auc"] is found["pr_auc"] is found["ks"] is None
    assert "both labels" in found["undefined"]
    assert found["brier"] == pytest.approx(0.01)


def test_log_loss_of_a_certain_mistake_is_finite() -> None:
    assert np.isfinite(metrics.evaluate(np.array([1, 0]), np.array([0.0, 0.5]), 0.5)["log_loss"])


def test_calibration_error_of_the_prevalence_is_small_and_of_an_offset_is_the_offset() -> None:
    labels = np.tile([1, 0, 0, 0], 250)
    assert metrics.calibration_error(labels, np.full(1000, 0.25)) == pytest.approx(0, abs=0.01)
    assert metrics.calibration_error(labels, np.full(1000, 0.65)) == pytest.approx(0.4, abs=0.01)


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=2, max_size=40))
def test_the_best_threshold_has_the_highest_f1(rows: list[tuple[int, float]]) -> None:
    labels = np.array([label for label, _ in rows] + [1])
    scores = np.array([score for _, score in rows] + [0.5])
    best = metrics.confusion(labels, scores, metrics.best_threshold(labels, scores))["f1"] or 0
    for score in scores:
        assert best >= (metrics.confusion(labels, scores, score)["f1"] or 0) - 1e-12
