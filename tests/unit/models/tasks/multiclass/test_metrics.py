"""Metrics of several classes are scikit-learn's, weighted or not, and null where not defined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from hindcast.models.tasks.multiclass import metrics
from hindcast.models.tasks.multiclass.task import Losses

CLASSES = ("early", "late", "never")
ROWS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([(0.7, 0.2, 0.1), (0.1, 0.8, 0.1), (0.2, 0.2, 0.6), (0.4, 0.4, 0.2)]),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=40,
)


@given(ROWS)
def test_weighted_metrics_are_scikit_learns(
    rows: list[tuple[int, tuple[float, float, float], int]],
) -> None:
    labels, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    found = Losses(labels, scores).measure(weights)
    if not weights.sum():
        assert np.isnan(found).all()
        return
    there, answers = weights > 0, scores.argmax(axis=1)
    known = np.union1d(labels[there], answers[there])
    expected = [
        sklearn.log_loss(labels, scores, sample_weight=weights, labels=[0, 1, 2]),
        np.average(((scores - np.eye(3)[labels]) ** 2).sum(axis=1), weights=weights),
        sklearn.accuracy_score(labels, answers, sample_weight=weights),
        sklearn.f1_score(labels, answers, sample_weight=weights, labels=known, average="macro"),
    ]
    assert found == pytest.approx(expected)


def test_each_class_is_measured_against_the_rest() -> None:
    labels = np.array([0, 0, 1, 1, 1, 2])
    scores = np.eye(3)[[0, 1, 1, 1, 2, 2]] * 0.8 + 0.2 / 3
    found = metrics.evaluate(labels, scores, CLASSES)
    assert found["confusion"] == {
        "classes": list(CLASSES),
        "counts": [[1, 1, 0], [0, 2, 1], [0, 0, 1]],
    }
    late = found["classes"]["late"]
    assert (late["rows"], late["precision"], late["recall"]) == (3, 2 / 3, 2 / 3)
    assert found["accuracy"] == 4 / 6
    assert found["roc_auc"] == pytest.approx(
        np.mean([sklearn.roc_auc_score(labels == place, scores[:, place]) for place in range(3)])
    )
    assert found["probability_range"] == pytest.approx([0.2 / 3, 0.8 + 0.2 / 3])


def test_a_class_without_rows_has_no_ranking() -> None:
    found = metrics.evaluate(np.array([0, 0]), np.array([[0.5, 0.3, 0.2]] * 2), CLASSES)
    assert found["roc_auc"] is found["classes"]["late"]["recall"] is None
    assert found["macro_f1"] == 1.0
