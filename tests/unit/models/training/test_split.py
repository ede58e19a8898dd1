"""No entity is on both sides, the newest period is held out, and too little data says so."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hindcast.definitions import Split
from hindcast.errors import TrainingError
from hindcast.models.tasks.binary.task import Binary
from hindcast.models.training.split import split


def example(customers: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(customers), 10)
    return groups, random.integers(0, 10**6, len(groups)), (random.random(len(groups)) < 0.05) * 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_no_customer_is_on_both_sides(seed: int) -> None:
    groups, micros, _ = example(seed=seed)
    parts = split(groups, micros, Split())
    assert not set(groups[parts.train]) & set(groups[parts.holdout])


def test_every_held_out_event_is_newer_than_every_training_event() -> None:
    groups, micros, _ = example()
    parts = split(groups, micros, Split())
    assert micros[parts.train].max() < parts.cut <= micros[parts.holdout].min()


def test_rows_in_neither_part_are_counted_by_reason() -> None:
    groups, micros, _ = example()
    parts = split(groups, micros, Split())
    left_out = parts.left_out(micros)
    assert sum(left_out.values()) == (~parts.train & ~parts.holdout).sum()
    trained = set(groups[parts.train])
    older = sum(group not in trained for group in groups[micros < parts.cut].tolist())
    assert left_out["held-out entity, before the holdout"] == older


def test_a_customer_stays_on_its_side_when_others_join() -> None:
    groups, micros, _ = example()
    more = (groups < 290, split(groups, micros, Split()))
    fewer = split(groups[more[0]], micros[more[0]], Split())
    assert set(groups[more[0]][fewer.train]) & set(groups[more[1].holdout]) == set()


def test_both_sides_are_of_use_at_a_third_of_a_percent_positives() -> None:
    groups, micros, _ = example(customers=5000)
    labels = (np.random.default_rng(1).random(len(groups)) < 0.0036) * 1
    parts = split(groups, micros, Split())
    assert labels[parts.train].sum() > 50
    assert labels[parts.holdout].sum() > 5


def test_too_few_positives_are_refused_with_their_number() -> None:
    groups, _, labels = example()
    with pytest.raises(TrainingError, match="only 0 entities have a positive label"):
        Binary(0.5).require_enough(labels * 0, groups)


def test_an_empty_training_set_is_refused() -> None:
    nothing = np.empty(0, np.int64)
    with pytest.raises(TrainingError, match="the training set is empty"):
        split(nothing, nothing, Split())


def test_a_split_by_time_alone_holds_out_the_newest_rows_of_everybody() -> None:
    _, micros, _ = example()
    parts = split(None, micros, Split(holdout=0.2, group=None))
    assert parts.holdout.mean() == pytest.approx(0.2, abs=0.01)
    assert (parts.train | parts.holdout).all()
    assert micros[parts.train].max() < micros[parts.holdout].min()


def test_a_holdout_may_begin_at_a_declared_instant() -> None:
    groups, micros, _ = example()
    parts = split(groups, micros, Split(start=datetime(1970, 1, 1, 0, 0, 0, 600_000, UTC)))
    assert parts.cut == 600_000
    assert micros[parts.train].max() < 600_000 <= micros[parts.holdout].min()


@pytest.mark.parametrize(("year", "part"), [(1960, "train on"), (2060, "hold out")])
def test_a_part_without_rows_is_refused(year: int, part: str) -> None:
    groups, micros, _ = example()
    with pytest.raises(TrainingError, match=f"no row is left to {part}"):
        split(groups, micros, Split(start=date(year, 1, 1)))
