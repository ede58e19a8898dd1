"""One label of several: the probability of each, and the likeliest."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hindcast.errors import ReleaseError

Label = int | str


@dataclass(frozen=True, slots=True)
class MulticlassScore:
    """The answer of a multiclass model; probabilities by label, as text."""

    prediction: Label
    probabilities: dict[str, float]

    @property
    def document(self) -> dict[str, Any]:
        """The score's part of an answer."""
        return {"prediction": self.prediction, "probabilities": self.probabilities}

    @property
    def is_finite(self) -> bool:
        """Whether it is all numbers; a model may overflow on values that it can take."""
        return all(map(math.isfinite, self.probabilities.values()))


@dataclass(frozen=True)
class MulticlassRule:
    """Answers the label of the highest probability, the first of them where several are."""

    task: ClassVar[str] = "multiclass"
    output: ClassVar[str | None] = "probabilities"

    classes: tuple[Label, ...]

    @classmethod
    def parse(cls, plan: Mapping[str, Any]) -> "MulticlassRule":
        """Of a serving plan; raises ReleaseError unless its classes are labels of one type, each
        named once."""
        classes = tuple(plan["classes"])
        are_labels = {type(label) for label in classes} in ({int}, {str})
        if not are_labels or not 1 < len(set(classes)) == len(classes):
            raise ReleaseError(
                f"serving_plan.json: classes are {list(classes)}, not two or more labels"
            )
        return cls(classes)

    @property
    def width(self) -> int:
        """How many columns the output has."""
        return len(self.classes)

    def score(self, output: NDArray[np.float32]) -> MulticlassScore:
        """The score of an output of one row."""
        probabilities = output[0].tolist()
        likeliest = self.classes[int(output[0].argmax())]
        named = zip(map(str, self.classes), probabilities, strict=True)
        return MulticlassScore(likeliest, dict(named))
