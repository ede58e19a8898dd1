"""ONNX nodes after an exported classifier, which make its probabilities others."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

OUTPUT = "probabilities"
# What the classifier itself gives, once something follows it.
BEFORE = "uncalibrated_probabilities"
# Operators that work along the columns.
_ALONG_COLUMNS = ("Gather", "Concat", "Softmax")
# Casts, by words of our own for what they cast to.
TO_DOUBLE, TO_FLOAT = "to double", "to float"
_CASTS = {TO_DOUBLE: onnx.TensorProto.DOUBLE, TO_FLOAT: onnx.TensorProto.FLOAT}

# Operator, inputs, output.
Step = tuple[str, tuple[str, ...], str]


def append(
    model: onnx.ModelProto, constants: Mapping[str, NDArray[Any]], steps: Sequence[Step]
) -> None:
    """Let a model's output `probabilities` be what the steps make of BEFORE and the constants.

    The label output goes, for it was decided without them.
    """
    graph = model.graph
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [BEFORE if name == OUTPUT else name for name in names]
    graph.initializer.extend(
        numpy_helper.from_array(value, _name(name)) for name, value in constants.items()
    )
    graph.node.extend(_nodes(steps))
    kept = [output for output in graph.output if output.name == OUTPUT]
    del graph.output[:]
    graph.output.extend(kept)


def _nodes(steps: Sequence[Step]) -> Iterator[onnx.NodeProto]:
    for operator, inputs, output in steps:
        attributes: dict[str, Any] = {"axis": 1} if operator in _ALONG_COLUMNS else {}
        if operator in _CASTS:
            attributes["to"] = _CASTS[operator]
        yield helper.make_node(
            "Cast" if operator in _CASTS else operator,
            [_name(name) for name in inputs],
            [_name(output)],
            _name(f"to_{output}"),
            **attributes,
        )


def _name(name: str) -> str:
    return name if name in (OUTPUT, BEFORE) else f"calibration_{name}"
