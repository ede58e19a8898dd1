"""Yes or no: the probability of 1, and 1 where it reaches the threshold."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class BinaryScore:
    """The answer of a binary model."""

    prediction: int
    probability: float

    @property
    def document(self) -> dict[str, Any]:
        """The score's part of an answer."""
        return {"prediction": self.prediction, "probability": self.probability}

    @property
    def is_finite(self) -> bool:
        """Whether it is all numbers; a model may overflow on values that it can take."""
        return math.isfinite(self.probability)


@dataclass(frozen=True)
class BinaryRule:
    """Answers 1 from a threshold on; reads the probabilities of 0 and 1."""

    task: ClassVar[str] = "binary"
    output: ClassVar[str | None] = "probabilities"
    width: ClassVar[int] = 2

    threshold: float

    @classmethod
    def parse(cls, plan: Mapping[str, Any]) -> "BinaryRule":
        """Of a serving plan."""
        return cls(float(plan["threshold"]))

    def score(self, output: NDArray[np.float32]) -> BinaryScore:
        """The score of an output of one row."""
        probability = output.item(0, 1)
        return BinaryScore(int(probability >= self.threshold), probability)
