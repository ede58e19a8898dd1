"""Platt's calibration of a classifier's probabilities, in numpy and as ONNX nodes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Reals = NDArray[np.float64]
OUTPUT = "probabilities"
# Nearer to 0 or 1 than this, float32 has too few digits for log-odds.
NEAREST = 1e-5


@dataclass(frozen=True)
class Calibration:
    """Log-odds after calibration are slope times those before, plus offset (Platt, 1999)."""

    slope: float
    offset: float

    def apply(self, probabilities: Reals) -> Reals:
        """Calibrated probabilities, [rows]."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * log_odds(probabilities) + self.offset))))


def log_odds(probabilities: Reals) -> Reals:
    """log(p / (1 - p)), with p kept NEAREST away from 0 and 1."""
    kept = np.clip(probabilities, NEAREST, 1 - NEAREST)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def append(model: onnx.ModelProto, calibration: Calibration) -> None:
    """Let a model's output `probabilities`, [N, 2], be the calibrated ones.

    The label output goes, for it was decided without them.
    """
    graph = model.graph
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [_BEFORE if name == OUTPUT else name for name in names]
    constants: dict[str, float] = {
        "one": 1,
        "least": NEAREST,
        "most": 1 - NEAREST,
        "slope": calibration.slope,
        "offset": calibration.offset,
    }
    graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), _name("second")))
    graph.initializer.extend(
        numpy_helper.from_array(np.array(value, np.float32), _name(name))
        for name, value in constants.items()
    )
    graph.node.extend(_nodes())
    kept = [output for output in graph.output if output.name == OUTPUT]
    del graph.output[:]
    graph.output.extend(kept)


def _nodes() -> Iterator[onnx.NodeProto]:
    for operator, inputs, output in _STEPS:
        attributes: dict[str, Any] = {"axis": 1} if operator in ("Gather", "Concat") else {}
        yield helper.make_node(
            operator,
            [_name(name) for name in inputs],
            [_name(output)],
            _name(f"to_{output}"),
            **attributes,
        )


def _name(name: str) -> str:
    return name if name in (OUTPUT, _BEFORE) else f"calibration_{name}"


_BEFORE = "uncalibrated_probabilities"
_STEPS = (
    ("Gather", (_BEFORE, "second"), "raw"),
    ("Clip", ("raw", "least", "most"), "kept"),
    ("Sub", ("one", "kept"), "rest"),
    ("Log", ("kept",), "log_kept"),
    ("Log", ("rest",), "log_rest"),
    ("Sub", ("log_kept", "log_rest"), "log_odds"),
    ("Mul", ("log_odds", "slope"), "sloped"),
    ("Add", ("sloped", "offset"), "moved"),
    ("Sigmoid", ("moved",), "chance"),
    ("Sub", ("one", "chance"), "against"),
    ("Concat", ("against", "chance"), OUTPUT),
)
