"""Shuffling what a model reads costs it; shuffling what it does not read costs nothing."""

import numpy as np
import pytest

from hindcast.models.tasks import sampling as module
from hindcast.models.tasks.binary.task import Binary
from hindcast.models.training.importance import importance

TASK = Binary(0.5)
NAMES = {"strong": [0], "weak": [1], "unread": [2]}


def example(rows: int = 3_000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(rows, 3)).astype(np.float32)
    chance = 1 / (1 + np.exp(4 - 2 * matrix[:, 0] - 0.7 * matrix[:, 1]))
    return matrix, (random.random(rows) < chance).astype(np.int64)


def score(matrix: np.ndarray) -> np.ndarray:
    return np.asarray(2 * matrix[:, 0] + 0.7 * matrix[:, 1], np.float64)


def test_features_cost_what_they_are_worth() -> None:
    matrix, labels = example()
    found = importance(TASK, score, matrix, labels, NAMES, seed=1)
    assert found["strong"]["mean"] > found["weak"]["mean"] > 0
    assert found["unread"] == {"mean": 0.0, "deviation": 0.0}


def test_the_numbers_of_an_array_are_shuffled_together() -> None:
    matrix, labels = example()
    found = importance(TASK, score, matrix, labels, {"both": [0, 1], "weak": [1]}, seed=1)
    assert found["both"]["mean"] > found["weak"]["mean"]


def test_few_judged_rows_say_the_same_as_all(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix, labels = example(20_000)
    whole = importance(TASK, score, matrix, labels, NAMES, seed=1)
    monkeypatch.setattr(module, "ROWS", 4_000)
    part = importance(TASK, score, matrix, labels, NAMES, seed=1)
    assert part["strong"]["mean"] == pytest.approx(whole["strong"]["mean"], abs=0.03)


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_judged_rows_are_few_and_of_both_classes(
    share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS", 1_000)
    random = np.random.default_rng(0)
    labels = (random.random(20_000) < share).astype(np.int64)
    judged = module.balanced(labels, random)
    assert len(judged) == len(set(judged)) == 1_000
    rarer = int(labels.mean() < 0.5)
    assert (labels[judged] == rarer).sum() == min(500, (labels == rarer).sum())


def test_text_columns_are_shuffled_too() -> None:
    _, labels = example()
    matrix = np.column_stack([labels.astype(object), np.where(labels, "a", "b")])
    found = importance(
        TASK,
        lambda rows: np.asarray(rows[:, 1] == "a", np.float64),
        matrix,
        labels,
        {"n": [0], "t": [1]},
        seed=0,
    )
    assert found["t"]["mean"] > 0.3
    assert found["n"]["mean"] == 0


def test_one_class_has_no_importance() -> None:
    matrix, labels = example(50)
    assert importance(TASK, score, matrix, labels * 0, NAMES, seed=0) == {}
