"""Temperature scaling of probabilities of several classes, in numpy and as ONNX nodes."""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from hindcast.models.tasks.onnx_nodes import BEFORE, OUTPUT, append

Reals = NDArray[np.float64]
# A class that no tree saw in a leaf is unlikely there, not impossible.
LEAST = 1e-4
SLOPES = (0.05, 10.0)
_STEPS = (
    ("Clip", (BEFORE, "least", "one"), "kept"),
    ("Log", ("kept",), "logs"),
    ("Mul", ("logs", "slope"), "sloped"),
    ("Softmax", ("sloped",), OUTPUT),
)


@dataclass(frozen=True)
class Temperature:
    """Log-probabilities after calibration are slope times those before (Guo, 2017)."""

    slope: float

    def apply(self, scores: Reals) -> Reals:
        """Calibrated probabilities, [rows, classes]."""
        return np.asarray(softmax(self.slope * _logs(scores), axis=1))

    def append(self, model: onnx.ModelProto) -> None:
        """Let a model's output `probabilities`, [N, classes], be the calibrated ones."""
        reals = {"least": LEAST, "one": 1, "slope": self.slope}
        append(model, {name: np.array(v, np.float32) for name, v in reals.items()}, _STEPS)


def temperature(labels: NDArray[np.int64], scores: Reals) -> Temperature:
    """The slope with the least log loss on rows that the estimator has not seen."""
    logs, rows = _logs(scores), np.arange(len(labels))

    def loss(slope: float) -> float:
        return float(-log_softmax(slope * logs, axis=1)[rows, labels].mean())

    return Temperature(float(minimize_scalar(loss, bounds=SLOPES, method="bounded").x))


def _logs(scores: Reals) -> Reals:
    return np.asarray(np.log(np.clip(scores, LEAST, 1)))
