"""The windows of features: which events of the entity a feature sees, relative to its row."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from hindcast.definitions import arguments, lengths
from hindcast.definitions.lengths import MOST_DAYS
from hindcast.errors import DefinitionError

# More events than any frame should have to walk through for one row.
MOST_EVENTS = 100_000
_ALL = timedelta(0)


@dataclass(frozen=True)
class Window:
    """Which events of the entity a feature sees, relative to its row.

    length: how far back it reaches; None for all of the past. ending: how long before the row it
    ends. last: how many of the newest events it keeps; None for all of them.
    """

    kind: Literal["prior", "latest"]
    length: timedelta | None = None
    ending: timedelta = timedelta(0)
    last: int | None = None

    def __post_init__(self) -> None:
        """Raise DefinitionError where a length or a number is none."""
        arguments.require_one_of("window", "kind", self.kind, ("prior", "latest"))
        where = f"{self.kind}()"
        if self.length is not None:
            lengths.require(where, "length", self.length, timedelta(microseconds=1))
        lengths.require(where, "ending", self.ending)
        if self.last is not None:
            arguments.require_whole(where, "last", self.last, 1, MOST_EVENTS)

    def __str__(self) -> str:
        """The window as definitions write it, such as "prior(days=90)"."""
        given = []
        if self.length is not None:
            given.append("{}={}".format(*_largest_unit(self.length)))
        if self.last is not None:
            given.append(f"last={self.last}")
        if self.ending:
            given.append("ending={}({})".format(*_largest_unit(self.ending)))
        return f"{self.kind}({', '.join(given)})"


def prior(
    days: int | None = None,
    *,
    hours: int | None = None,
    minutes: int | None = None,
    last: int | None = None,
    ending: timedelta = _ALL,
) -> Window:
    """Every event strictly before the row.

    days, hours or minutes: those not older than that. last: the newest so many. ending: those
    strictly before so long before the row, such as days(30); the length counts back from there.
    """
    given = {"days": days, "hours": hours, "minutes": minutes, "last": last}
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise DefinitionError(f"prior() has {' and '.join(named)}; use one of them")
    if last is not None and ending:
        raise DefinitionError(
            "prior() has last and ending; use a length with ending, such as "
            "prior(days=30, ending=days(30))"
        )
    return Window("prior", _length(days, hours, minutes), ending, last)


def latest() -> Window:
    """The newest non-null value of an event strictly before the row."""
    return Window("latest")


def _length(days: int | None, hours: int | None, minutes: int | None) -> timedelta | None:
    """The one length that is given; None where there is none."""
    most = MOST_DAYS
    for unit, count in (("days", days), ("hours", hours), ("minutes", minutes)):
        if count is not None:
            arguments.require_whole("prior()", unit, count, 1, most)
            return timedelta(**{unit: count})
        most *= {"days": 24, "hours": 60}.get(unit, 1)
    return None


def _largest_unit(span: timedelta) -> tuple[str, int]:
    """A length of time in the largest unit that it is a whole number of."""
    minutes = span // timedelta(minutes=1)
    for unit, size in (("days", 24 * 60), ("hours", 60)):
        if minutes % size == 0:
            return unit, minutes // size
    return "minutes", minutes
