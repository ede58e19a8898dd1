"""A request for predictions, and the line that each of its answers leaves in the log."""

import math
import os
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from hindcast import names
from hindcast.errors import NoReleaseError, NotFoundError, StoreUnavailableError
from hindcast.serving.predictor import Prediction
from hindcast.serving.requests import RequestError, Value
from hindcast.serving.scorer import Score

Key = int | str
Write = Callable[[Mapping[str, Any]], None]


class Asked:
    """One request: its instant, and the keys that wait for an answer, in their order.

    As a context it writes the lines of those that an exception leaves without one.
    """

    def __init__(self, write: Write) -> None:
        self.instant = datetime.now(UTC)
        self._write = write
        self._release: str | None = None
        # Until it is known what is asked, the request as a whole gets one answer.
        self._waiting: deque[Key | None] = deque([None])

    def by(self, release: str) -> None:
        """The release of this id answers."""
        self._release = release

    def about(self, keys: Iterable[Key | None]) -> None:
        """These are asked about; None is for what has no key."""
        self._waiting = deque(keys)

    def predicted(self, made: Prediction) -> str:
        """Log the next key's prediction, and return its id."""
        return self._line(
            names.PREDICTED,
            materialization=made.materialization,
            features_as_of=made.features_as_of.isoformat(),
            features=exact(made.features),
            prediction=made.prediction,
            probability=_exact(made.probability),
        )

    def scored(self, made: Score, values: Mapping[str, Value]) -> str:
        """Log the score of the caller's values, and return its id."""
        return self._line(
            names.SCORED,
            features=exact(values),
            prediction=made.prediction,
            probability=_exact(made.probability),
        )

    def unknown(self) -> None:
        """Log that the next key is not in the online store."""
        self._line(names.UNKNOWN)

    def refused(self, error: RequestError) -> None:
        """Log that what is next is no key."""
        self._line(names.REFUSED, **_refusal(error))

    def __enter__(self) -> "Asked":
        """Nothing to do: see __exit__."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Log what an exception means for all that still wait."""
        if not isinstance(error, Exception):
            return
        outcome, details = _outcome(error)
        while self._waiting:
            self._line(outcome, **details)

    def _line(self, outcome: str, **known: Any) -> str:
        """Answer what is next, and return the answer's id."""
        prediction_id = new_id(self.instant)
        line = {
            "prediction_id": prediction_id,
            "instant": self.instant.isoformat(),
            "id": self._waiting.popleft(),
            "release": self._release,
            "materialization": None,
            "features_as_of": None,
            "features": None,
            "prediction": None,
            "probability": None,
            "outcome": outcome,
        }
        line.update(known)
        self._write(line)
        return prediction_id


def _outcome(error: Exception) -> tuple[str, dict[str, Any]]:
    if isinstance(error, RequestError):
        return names.REFUSED, _refusal(error)
    if isinstance(error, NotFoundError):
        return names.UNKNOWN, {}
    if isinstance(error, StoreUnavailableError | NoReleaseError):
        return names.UNAVAILABLE, {}
    return names.FAILED, {}


def _refusal(error: RequestError) -> dict[str, Any]:
    return {"status": error.status, "field": error.place}


def new_id(instant: datetime) -> str:
    """A UUID of version 7: ids of one time are neighbours, so that a search can skip files."""
    number = int(instant.timestamp() * 1000) << 80 | int.from_bytes(os.urandom(10))
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=number))


def exact(values: Mapping[str, Value]) -> dict[str, Value]:
    """Feature values such that JSON gives every one of them back.

    JSON writes doubles exactly but has no NaN and no infinities; those become the words "NaN",
    "Infinity" and "-Infinity", which float() and numpy read.
    """
    return {name: _exact(value) for name, value in values.items()}


def _exact(value: Value) -> Value:
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
