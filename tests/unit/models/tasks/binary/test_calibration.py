"""A calibration is the same in numpy and in ONNX, and moves log-odds along a line."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from hindcast.models.tasks.binary.calibration import NEAREST, Calibration
from hindcast.models.tasks.binary.task import Binary
from hindcast.models.training import onnx_export


def passing(calibrated: Calibration) -> bytes:
    """A model whose one input is the probability that it answers with, then calibrated."""
    nodes = [
        helper.make_node("Sub", ["one", "numeric"], ["against"]),
        helper.make_node("Concat", ["against", "numeric"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "passing",
        [helper.make_tensor_value_info("numeric", TensorProto.FLOAT, [None, 1])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, [None, 1]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2]),
        ],
        [helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    calibrated.append(model)
    onnx.checker.check_model(model, full_check=True)
    assert [output.name for output in model.graph.output] == ["probabilities"]
    return bytes(model.SerializeToString())


@settings(max_examples=25, deadline=None)
@given(
    st.floats(0.1, 3),
    st.floats(-8, 2),
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20),
)
def test_onnx_says_what_numpy_says(slope: float, offset: float, chances: list[float]) -> None:
    calibrated = Calibration(slope, offset)
    matrix = np.array(chances, np.float32)[:, None]
    got = onnx_export.run(passing(calibrated), Binary(0.5), matrix, 1)
    kept = np.minimum(matrix[:, 0].astype(np.float64), 0.999)
    expected = calibrated.apply(kept)
    inside = matrix[:, 0] <= 0.999
    assert got[inside] == pytest.approx(expected[inside], abs=1e-5)


def test_no_slope_and_no_offset_change_nothing() -> None:
    chances = np.array([0.0, 0.001, 0.5, 0.999, 1.0])
    found = Calibration(1, 0).apply(chances)
    assert found[1:4] == pytest.approx(chances[1:4])
    assert found[[0, 4]] == pytest.approx([NEAREST, 1 - NEAREST])


def test_an_offset_multiplies_the_odds() -> None:
    assert Calibration(1, np.log(2)).apply(np.array([0.2])) == pytest.approx([0.5 / 1.5])
