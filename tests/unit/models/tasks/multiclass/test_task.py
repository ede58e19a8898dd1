"""Classes are the labels that there are, and a temperature is the same in numpy and in ONNX."""

from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from hindcast.errors import TrainingError
from hindcast.models.tasks.multiclass import task
from hindcast.models.tasks.multiclass.calibration import Temperature, temperature
from hindcast.models.tasks.multiclass.task import Multiclass
from hindcast.models.training import onnx_export

NAME = "flights.outcome"


@pytest.mark.parametrize(
    ("labels", "classes"), [(["late", "early", "late"], ["early", "late"]), ([3, 1, 3], [1, 3])]
)
def test_classes_are_the_labels_in_their_order(labels: list[Any], classes: list[Any]) -> None:
    column = pa.chunked_array([labels])
    found = task.of_labels(column, NAME)
    assert found.plan() == {"classes": classes}
    assert found.labels(column, NAME).tolist() == [1, 0, 1]


def test_a_label_that_training_did_not_know_is_named() -> None:
    with pytest.raises(TrainingError, match=r"'flights\.outcome' is 'lost' .* early, late; train"):
        Multiclass(("early", "late")).labels(pa.chunked_array([["late", "lost"]]), NAME)


def test_one_label_or_too_many_are_no_classes() -> None:
    for labels in ([1, 1], list(range(task.MOST_CLASSES + 1))):
        with pytest.raises(TrainingError, match="a multiclass model learns 2 to 100"):
            task.of_labels(pa.chunked_array([labels]), NAME)


def test_a_rare_label_is_named_with_how_many_entities_have_it() -> None:
    labels, groups = np.array([0] * 9 + [1] * 5), np.array([*range(9), 0, 0, 0, 1, 1])
    with pytest.raises(TrainingError, match="only 2 entities have label 'late' in the training"):
        Multiclass(("early", "late")).require_enough(labels, groups)


def test_a_temperature_undoes_overconfidence() -> None:
    random = np.random.default_rng(0)
    true = random.dirichlet([1, 1, 1], 4_000)
    labels = np.array([random.choice(3, p=row) for row in true])
    overconfident = true**2 / (true**2).sum(axis=1, keepdims=True)
    found = temperature(labels, overconfident)
    assert found.slope == pytest.approx(0.5, abs=0.05)
    assert np.abs(found.apply(overconfident) - true).max() < 0.1


def test_onnx_says_what_numpy_says() -> None:
    scores = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3]], np.float32)
    cooled = Temperature(0.6)
    graph = helper.make_graph(
        [helper.make_node("Identity", ["numeric"], ["probabilities"])],
        "passing",
        [helper.make_tensor_value_info("numeric", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    cooled.append(model)
    onnx.checker.check_model(model, full_check=True)
    got = onnx_export.run(model.SerializeToString(), Multiclass(("a", "b", "c")), scores, 3)
    assert got == pytest.approx(cooled.apply(scores.astype(np.float64)), abs=1e-6)
    assert got.sum(axis=1) == pytest.approx(1)
