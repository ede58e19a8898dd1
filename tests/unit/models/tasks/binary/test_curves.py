"""Curves are thin enough for a page, keep their ends, and lose no area to speak of."""

import numpy as np
import pytest
from sklearn import metrics

from hindcast.models.tasks.binary import curves


def example(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = (random.random(rows) < 0.2).astype(np.int64)
    return labels, random.beta(2, 8, rows) * (1 + labels * 0.5)


@pytest.mark.parametrize("rows", [10, 5_000])
def test_curves_keep_their_ends_and_area(rows: int) -> None:
    labels, scores = example(rows)
    found = curves.curves(labels, scores)
    assert found is not None
    roc, pr = found["roc"], found["precision_recall"]
    assert (roc["false_positive_rate"][0], roc["true_positive_rate"][0]) == (0, 0)
    assert (roc["false_positive_rate"][-1], roc["true_positive_rate"][-1]) == (1, 1)
    assert pr["recall"][-1] == 1
    assert pr["precision"][-1] == pytest.approx(labels.mean())
    for curve in (roc, pr):
        assert {len(values) for values in curve.values()} <= set(range(2, curves.POINTS + 1))
    area = metrics.auc(roc["false_positive_rate"], roc["true_positive_rate"])
    assert area == pytest.approx(metrics.roc_auc_score(labels, scores), abs=0.005)


def test_curves_of_one_class_are_not_defined() -> None:
    assert curves.curves(np.zeros(5, np.int64), np.full(5, 0.1)) is None


def test_every_row_is_in_a_bin_even_at_the_ends() -> None:
    labels = np.array([0, 0, 1, 1, 1])
    found = curves.score_distribution(labels, np.array([0.0, 0.004, 0.004, 0.5, 1.0]))
    assert (sum(found["negative"]), sum(found["positive"])) == (2, 3)
    assert len(found["edges"]) == len(found["negative"]) + 1
    assert (found["negative"][0], found["positive"][-1]) == (1, 1)
    assert np.all(np.diff(found["edges"]) > 0)
