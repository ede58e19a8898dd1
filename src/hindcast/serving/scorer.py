"""From feature values to the model's answer; served, replayed and timed by the same code."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hindcast.serving.release import Release

_OUTPUTS = ["probabilities"]


@dataclass(frozen=True, slots=True)
class Score:
    """The model's answer: the probability of 1, and 1 where it reaches the threshold."""

    prediction: int
    probability: float


class Scorer:
    """Scores rows with one release."""

    def __init__(self, release: Release) -> None:
        self._session = release.session
        self._plan = release.plan
        self._all_numeric = not release.plan.categorical

    def score(self, values: Sequence[Any]) -> Score:
        """The model's answer for feature values in the plan's order.

        Always one row: the same row scores the same bits alone and in a batch.
        """
        feed: dict[str, np.ndarray[Any, Any]] = {}
        if self._all_numeric:
            feed["numeric"] = np.array([values], np.float32)
        else:
            if self._plan.numeric:
                feed["numeric"] = np.array([[values[i] for i in self._plan.numeric]], np.float32)
            texts = [values[i] or "" for i in self._plan.categorical]
            feed["categorical"] = np.array([texts], dtype=object)
        probability = self._session.run(_OUTPUTS, feed)[0].item(0, 1)
        return Score(int(probability >= self._plan.threshold), probability)
