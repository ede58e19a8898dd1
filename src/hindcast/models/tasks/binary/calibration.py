"""Platt's calibration of a classifier's probabilities, in numpy and as ONNX nodes."""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from hindcast.models.tasks.onnx_nodes import BEFORE, OUTPUT, TO_DOUBLE, TO_FLOAT, append

Reals = NDArray[np.float64]
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

    def append(self, model: onnx.ModelProto) -> None:
        """Let a model's output `probabilities`, [N, 2], be the calibrated ones."""
        reals = {
            "one": 1,
            "least": NEAREST,
            "most": 1 - NEAREST,
            "slope": self.slope,
            "offset": self.offset,
        }
        constants = {name: np.array(value, np.float64) for name, value in reals.items()}
        append(model, {"second": np.array([1], np.int64), **constants}, _STEPS)


def log_odds(probabilities: Reals) -> Reals:
    """log(p / (1 - p)), with p kept NEAREST away from 0 and 1."""
    kept = np.clip(probabilities, NEAREST, 1 - NEAREST)
    return np.asarray(np.log(kept) - np.log1p(-kept))


# In doubles: a logarithm in floats rounds otherwise for many rows at once than for one alone.
_STEPS = (
    ("Gather", (BEFORE, "second"), "read"),
    (TO_DOUBLE, ("read",), "raw"),
    ("Clip", ("raw", "least", "most"), "kept"),
    ("Sub", ("one", "kept"), "rest"),
    ("Log", ("kept",), "log_kept"),
    ("Log", ("rest",), "log_rest"),
    ("Sub", ("log_kept", "log_rest"), "log_odds"),
    ("Mul", ("log_odds", "slope"), "sloped"),
    ("Add", ("sloped", "offset"), "moved"),
    ("Sigmoid", ("moved",), "chance"),
    ("Sub", ("one", "chance"), "against"),
    ("Concat", ("against", "chance"), "both"),
    (TO_FLOAT, ("both",), OUTPUT),
)
