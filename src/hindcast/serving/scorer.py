"""From feature values to the model's answer; served, replayed and timed by the same code."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hindcast.serving.release import Release
from hindcast.serving.scores import Score


class Scorer:
    """Scores rows with one release."""

    def __init__(self, release: Release) -> None:
        self._session = release.session
        self._plan = release.plan
        self._all_numeric = not release.plan.categorical
        self._rule = release.plan.rule
        self._outputs = [self._rule.output] if self._rule.output else None

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
        return self._rule.score(self._session.run(self._outputs, feed)[0])
