"""Weighted metrics are scikit-learn's, and intervals are of entities, paired and repeatable."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from hindcast.models.tasks.binary.ranked import METRICS, Ranked
from hindcast.models.tasks.binary.task import Binary
from hindcast.models.training import intervals
from hindcast.models.training.intervals import Interval

TASK = Binary(0.5)
# Few different scores, so that there are ties; weights as a resample has them.
ROWS = st.lists(
    st.tuples(
        st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.9, 1.0]), st.integers(0, 3)
    ),
    min_size=2,
    max_size=60,
)


@given(ROWS)
def test_weighted_metrics_are_scikit_learns(rows: list[tuple[int, float, int]]) -> None:
    labels, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    found = dict(zip(METRICS, Ranked(labels, scores).measure(weights), strict=True))
    if not weights.sum():
        assert np.isnan(list(found.values())).all()
        return
    assert found["brier"] == pytest.approx(np.average((scores - labels) ** 2, weights=weights))
    clipped = np.clip(scores, 1e-15, 1 - 1e-15)
    loss = metrics.log_loss(labels, clipped, sample_weight=weights, labels=[0, 1])
    assert found["log_loss"] == pytest.approx(loss, rel=1e-6)
    if len({label for label, _, weight in rows if weight}) < 2:
        assert np.isnan([found["roc_auc"], found["pr_auc"], found["ks"]]).all()
        return
    false, true, _ = metrics.roc_curve(labels, scores, sample_weight=weights)
    expected = {
        "roc_auc": metrics.roc_auc_score(labels, scores, sample_weight=weights),
        "pr_auc": metrics.average_precision_score(labels, scores, sample_weight=weights),
        "ks": np.max(true - false),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


def example(rows: int = 2_000) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    labels = (random.random(rows) < 0.1).astype(np.int64)
    good = np.clip(0.1 + 0.1 * labels + random.normal(0, 0.05, rows), 0, 1)
    return labels, np.arange(rows) // 4, good, random.random(rows)


def test_the_better_model_is_told_apart_and_the_same_model_is_not() -> None:
    labels, groups, good, noise = example()
    better = intervals.compare(TASK, labels, groups, good, noise, seed=1).difference["roc_auc"]
    assert better is not None
    assert 0 < better.low < better.estimate < better.high
    same = intervals.compare(TASK, labels, groups, good, good, seed=1).difference["roc_auc"]
    assert same == Interval(0, 0, 0)


def test_the_same_seed_gives_the_same_intervals() -> None:
    labels, groups, good, noise = example()
    one, again, other = (
        intervals.compare(TASK, labels, groups, good, noise, seed, resamples=50)
        for seed in (1, 1, 2)
    )
    assert one == again != other


def test_an_interval_covers_its_estimate_and_narrows_with_rows() -> None:
    widths = []
    for rows in (500, 8_000):
        labels, groups, good, noise = example(rows)
        found = intervals.compare(
            TASK, labels, groups, good, noise, seed=0, resamples=200
        ).challenger
        for name, interval in found.items():
            assert interval is not None, name
            assert interval.low <= interval.estimate <= interval.high
        assert found["brier"] is not None
        widths.append(found["brier"].high - found["brier"].low)
    assert widths[1] < widths[0] / 2


def test_rows_that_repeat_within_an_entity_make_an_interval_no_narrower() -> None:
    labels, _, good, noise = example(500)
    each, apart = np.arange(500), np.arange(5_000)
    copied, many = (np.repeat(values, 10) for values in (labels, good))
    one = intervals.compare(TASK, labels, each, good, noise, seed=0, resamples=200).challenger
    other = np.repeat(noise, 10)
    whole = intervals.compare(TASK, copied, np.repeat(each, 10), many, other, 0, 200).challenger
    wrong = intervals.compare(TASK, copied, apart, many, other, 0, 200).challenger
    lows = [interval.low for found in (one, whole, wrong) if (interval := found["brier"])]
    assert lows[1] == pytest.approx(lows[0])
    assert lows[2] > lows[1]


def test_one_class_has_no_ranking_metric() -> None:
    labels, scores = np.zeros(20, np.int64), np.linspace(0, 0.1, 20)
    found = intervals.compare(TASK, labels, np.arange(20), scores, scores, seed=0, resamples=20)
    assert found.challenger["roc_auc"] is found.difference["ks"] is None
    assert found.challenger["brier"] is not None


def test_too_few_entities_have_no_interval() -> None:
    """Of one, every resample is the same, which looks like certainty."""
    labels, _, good, noise = example()
    for entities, is_defined in ((1, False), (4, False), (5, True)):
        groups = np.arange(len(labels)) % entities
        found = intervals.compare(TASK, labels, groups, good, noise, seed=1)
        for sides in (found.challenger, found.champion, found.difference):
            assert [each is not None for each in sides.values()] == [is_defined] * len(sides)
