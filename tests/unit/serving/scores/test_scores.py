"""Each task's answer, of real models: yes or no, one label of several, a number."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hindcast.serving import release
from hindcast.serving.scorer import Scorer
from hindcast.serving.scores.multiclass import MulticlassRule
from hindcast.serving.scores.regression import RegressionRule
from tests.unit.serving import sample_release

ROW = (3, 427500.0, True, 41)


def answered(folder: Path, **plan: Any) -> dict[str, Any]:
    """The score's part of the answer, as a caller gets it."""
    scorer = Scorer(release.load(sample_release.write(folder, **plan)))
    document: dict[str, Any] = json.loads(json.dumps(scorer.score(ROW).document))
    return document


def test_a_binary_model_answers_1_from_its_threshold_on(tmp_path: Path) -> None:
    surely = answered(tmp_path / "low", threshold=0.0)["probability"]
    assert answered(tmp_path / "at", threshold=surely) == {"prediction": 1, "probability": surely}
    above = np.nextafter(surely, 1)
    assert answered(tmp_path / "above", threshold=above) == {"prediction": 0, "probability": surely}


def test_a_multiclass_model_answers_the_likeliest_label(tmp_path: Path) -> None:
    answer = answered(tmp_path, **sample_release.MULTICLASS)
    logits = np.array(ROW, np.float32) @ np.array(sample_release.CLASS_WEIGHTS, np.float32)
    expected = np.exp(logits) / np.exp(logits).sum()
    assert list(answer["probabilities"]) == sample_release.CLASSES
    assert list(answer["probabilities"].values()) == pytest.approx(expected, abs=1e-6)
    assert answer["prediction"] == sample_release.CLASSES[int(expected.argmax())] == "on time"


def test_labels_that_are_integers_stay_so_in_the_prediction(tmp_path: Path) -> None:
    answer = answered(tmp_path, task="multiclass", classes=[0, 10, 20])
    assert (answer["prediction"], list(answer["probabilities"])) == (20, ["0", "10", "20"])


def test_of_labels_as_likely_as_each_other_the_first_is_answered() -> None:
    score = MulticlassRule(("a", "b", "c")).score(np.array([[0.2, 0.4, 0.4]], np.float32))
    assert score.prediction == "b"


def test_a_regression_answers_a_number_and_an_interval_around_it(tmp_path: Path) -> None:
    answer = answered(tmp_path, **sample_release.REGRESSION)
    estimate = answer["prediction"]
    assert estimate == pytest.approx(np.array(ROW) @ sample_release.WEIGHTS, abs=1e-5)
    assert answer["interval"] == [estimate - 10.5, estimate + 10.5]


@pytest.mark.parametrize("output", [[[12.5]], [12.5]])
def test_a_regression_may_give_rows_or_a_row_of_numbers(output: Any) -> None:
    score = RegressionRule(0.9, 2.0).score(np.array(output, np.float32))
    assert score.document == {"prediction": 12.5, "interval": [10.5, 14.5]}
