"""The prediction log: one line for each answer to a request, whatever came of it."""

import math
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from hindcast import names
from hindcast.errors import NoReleaseError, NotFoundError, StoreUnavailableError
from hindcast.serving.predictor import Prediction
from hindcast.serving.requests import Key, RequestError
from hindcast.serving.scores import Score
from hindcast.serving.scores.fallback import FallbackScore
from hindcast.serving.values import Value

Keys = Mapping[str, Key | None]
Write = Callable[[Mapping[str, Any]], None]


class PredictionLines:
    """The lines of one request, which is answered as of `instant` by one release."""

    def __init__(self, write: Write, release: str | None) -> None:
        self.instant = datetime.now(UTC)
        self._write = write
        self._release = release

    def predicted(self, made: Prediction) -> str:
        """Log a prediction, and return its id."""
        row, is_fallback = made.row, isinstance(made.score, FallbackScore)
        request = {"request": row.request} if row.request else {}
        return self._line(
            row.keys,
            names.FALLBACK if is_fallback else names.PREDICTED,
            materialization=row.materialization,
            features_as_of=row.features_as_of.astimezone(UTC).isoformat(),
            **row.named_instants,
            features=exact(row.features),
            **request,
            **exact(made.score.document),
        )

    def scored(self, made: Score, values: Mapping[str, Value]) -> str:
        """Log the score of the caller's values, and return its id."""
        return self._line(
            None,
            names.SCORED,
            features=exact(values),
            **exact(made.document),
        )

    def unanswered(self, keys: Keys | None, error: Exception) -> None:
        """Log why there is no answer about keys by name, or about what has none."""
        if isinstance(error, RequestError):
            self._line(keys, names.REFUSED, status=error.status, field=error.place)
        elif isinstance(error, NotFoundError):
            self._line(keys, names.UNKNOWN)
        elif isinstance(error, StoreUnavailableError | NoReleaseError):
            self._line(keys, names.UNAVAILABLE)
        else:
            self._line(keys, names.FAILED)

    @contextmanager
    def about(self, *asked: Keys | None) -> Iterator[None]:
        """What fails within leaves each of these keys without an answer."""
        try:
            yield
        except Exception as error:
            for keys in asked:
                self.unanswered(keys, error)
            raise

    def _line(self, keys: Keys | None, outcome: str, **known: Any) -> str:
        """Write the line of one answer, and return the answer's id."""
        prediction_id = new_id(self.instant)
        line = {
            "prediction_id": prediction_id,
            "instant": self.instant.isoformat(),
            "id": identity(keys),
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


def identity(keys: Keys | None) -> Any:
    """An only key's value, or keys by name."""
    return next(iter(keys.values())) if keys is not None and len(keys) == 1 else keys


def new_id(instant: datetime) -> str:
    """A UUID of version 7: ids of one time are neighbours, so that a search can skip files."""
    number = int(instant.timestamp() * 1000) << 80 | int.from_bytes(os.urandom(10))
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=number))


def exact(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of features or of an answer such that JSON gives every one of them back.

    JSON writes doubles exactly but has no NaN and no infinities; those become the words "NaN",
    "Infinity" and "-Infinity", which float() and numpy read.
    """
    return {name: _exact(value) for name, value in values.items()}


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return exact(value)
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
