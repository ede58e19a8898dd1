"""From feature values to the model's answer; served, replayed and timed by the same code."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from hindcast.serving.plan import NUMERIC_KINDS
from hindcast.serving.release import Release
from hindcast.serving.scores import Score


class Scorer:
    """Scores rows with one release."""

    def __init__(self, release: Release) -> None:
        self._session = release.session
        self._plan = release.plan
        features = release.plan.features
        self._all_plain = all(f.kind in NUMERIC_KINDS and not f.size for f in features)
        self._rule = release.plan.rule
        self._outputs = [self._rule.output] if self._rule.output else None

    def score(self, values: Sequence[Any]) -> Score:
        """The model's answer for feature values in the plan's order.

        Always one row: the same row scores the same bits alone and in a batch.
        """
        feed: dict[str, np.ndarray[Any, Any]] = {}
        if self._all_plain:
            feed["numeric"] = np.array([values], np.float32)
            return self._rule.score(self._session.run(self._outputs, feed)[0])
        if self._plan.numeric:
            feed["numeric"] = np.array([list(self._numbers(values))], np.float32)
        if self._plan.categorical:
            texts = [values[i] or "" for i in self._plan.categorical]
            feed["categorical"] = np.array([texts], dtype=object)
        return self._rule.score(self._session.run(self._outputs, feed)[0])

    def _numbers(self, values: Sequence[Any]) -> Iterator[Any]:
        """The numbers of a row in the order of the model's input; those of arrays one by one."""
        for place in self._plan.numeric:
            size, value = self._plan.features[place].size, values[place]
            if not size:
                yield value
            else:
                yield from [None] * size if value is None else value
