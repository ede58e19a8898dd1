"""Which labelled events are trained on, where a caller says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from hindcast.data.training_rows import TrainingSet
from hindcast.errors import InputError

# Why a labelled event is no training row.
OUTSIDE = "outside the training range"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class TrainingRange:
    """Events from `start` on and before `until`; None is no bound."""

    start: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """Raise InputError for a range that holds nothing."""
        if self.start is not None and self.until is not None and self.start >= self.until:
            raise InputError(
                f"the training range from {self.start.isoformat()} until {self.until.isoformat()} "
                "is empty; choose a start before its end"
            )

    def document(self) -> dict[str, str]:
        """The JSON form: the bounds that there are."""
        bounds = {"from": self.start, "until": self.until}
        return {name: bound.isoformat() for name, bound in bounds.items() if bound is not None}


EVERYTHING = TrainingRange()


def of_document(said: Mapping[str, Any] | None) -> TrainingRange:
    """The range that a manifest says; one that says none is from before there were any."""
    start, until = ((said or {}).get(name) for name in ("from", "until"))
    return TrainingRange(
        start and datetime.fromisoformat(start), until and datetime.fromisoformat(until)
    )


def within(data: TrainingSet, chosen: TrainingRange) -> TrainingSet:
    """The rows of a training set whose events are in a range, the others counted as left out."""
    if chosen == EVERYTHING:
        return data
    micros = data.micros()
    inside = np.full(len(micros), True)
    if chosen.start is not None:
        inside &= micros >= _micros(chosen.start)
    if chosen.until is not None:
        inside &= micros < _micros(chosen.until)
    return data.only(inside, OUTSIDE)


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
