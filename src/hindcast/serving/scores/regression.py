"""A number, with an interval that holds a declared share of the true ones."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hindcast.errors import ReleaseError


@dataclass(frozen=True, slots=True)
class RegressionScore:
    """The answer of a regression, in the label's unit."""

    prediction: float
    interval: tuple[float, float]

    @property
    def document(self) -> dict[str, Any]:
        """The score's part of an answer."""
        return {"prediction": self.prediction, "interval": list(self.interval)}

    @property
    def is_finite(self) -> bool:
        """Whether it is all numbers; a model may overflow on values that it can take."""
        return math.isfinite(self.prediction)


@dataclass(frozen=True)
class RegressionRule:
    """Answers the estimate, and as far to both sides of it as training found to be needed."""

    task: ClassVar[str] = "regression"
    # Exporters name the only output of a regression as they like.
    output: ClassVar[str | None] = None
    width: ClassVar[int] = 1

    coverage: float
    half_width: float

    @classmethod
    def parse(cls, plan: Mapping[str, Any]) -> "RegressionRule":
        """Of a serving plan; raises ReleaseError for an interval that is none."""
        interval = plan["interval"]
        coverage, half_width = float(interval["coverage"]), float(interval["half_width"])
        if not (0 < coverage < 1 and 0 <= half_width < math.inf):
            raise ReleaseError(
                f"serving_plan.json: the interval has coverage {coverage}, half width {half_width}"
            )
        return cls(coverage, half_width)

    def score(self, output: NDArray[np.float32]) -> RegressionScore:
        """The score of an output of one row."""
        estimate = output.item(0)
        return RegressionScore(estimate, (estimate - self.half_width, estimate + self.half_width))
