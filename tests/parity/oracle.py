"""A brute-force oracle of the feature semantics, in plain Python; it shares no code with Hindcast.

An event is a dict with key, at (datetime UTC), tie, recorded, ingested, row, retraction (why it is
withdrawn, or None), and source columns.
A spine row is one with key, at, tie (None), and maybe asked: when it was asked, if not at `at`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

Event = dict[str, Any]


def records(events: list[Event], as_of: datetime, known_by: datetime) -> list[Event]:
    """The records known by known_by of what happened before as_of, replaced ones included."""
    found = [event for event in events if event["at"] < as_of and event["recorded"] <= known_by]
    there = {_identity(event) for event in _last(found)}
    return [event for event in found if _identity(event) in there]


def known(events: list[Event], as_of: datetime, known_by: datetime) -> list[Event]:
    """The events that happened before as_of, each by its last record known by known_by.

    One whose last record is a retraction is not there.
    """
    return _last(records(events, as_of, known_by))


@dataclass(frozen=True)
class Seen:
    """What a window sees: how far back it reaches, where it ends, how many events it keeps."""

    length: timedelta | None = None
    ending: timedelta = timedelta(0)
    last: int | None = None


def prior(history: list[Event], row: Event, seen: Seen) -> list[Event]:
    """The entity's events strictly before the row that a window sees, in order."""
    before = [event for event in history if _is_before(event, row, seen.ending)]
    before.sort(key=lambda event: (event["at"], event["tie"]))
    if seen.length is not None:
        first = row["at"] - seen.ending - seen.length
        before = [event for event in before if event["at"] >= first]
    return before if seen.last is None else before[-seen.last :]


def _is_before(event: Event, row: Event, ending: timedelta) -> bool:
    """Whether it is of the row's entity, before the window's end; a spine row has no tie."""
    if event["key"] != row["key"]:
        return False
    if not ending and event["at"] == row["at"]:
        sees_ties = row["tie"] is not None and row.get("is_ordered", True)
        return sees_ties and bool(event["tie"] < row["tie"])
    return bool(event["at"] < row["at"] - ending)


def latest(history: list[Event], row: Event, value: Callable[[Event], Any]) -> Any:
    """The newest non-null value of an event strictly before the row."""
    for event in reversed(prior(history, row, Seen())):
        if value(event) is not None:
            return value(event)
    return None


def at_refresh(row: Event, refreshed: str | None) -> Event:
    """The spine row that a labelled event is where its view is refreshed at times only."""
    if refreshed is None:
        return row
    times = {"daily 07:00": [7], "every 12 hours": [0, 12], "hourly": range(24)}[refreshed]
    midnight = row["at"].replace(hour=0, minute=0, second=0, microsecond=0)
    days = (midnight - timedelta(days=1), midnight)
    refreshes = [day + timedelta(hours=hour) for day in days for hour in times]
    last = max(instant for instant in refreshes if instant <= row["at"])
    return {"key": row["key"], "at": last, "tie": None, "asked": row["at"]}


def asked(row: Event) -> datetime:
    """The instant that request-time features are evaluated at."""
    found: datetime = row.get("asked") or row["at"]
    return found


def count(values: list[Any]) -> int:
    """How many are not null."""
    return sum(1 for value in values if value is not None)


def total(values: list[Any]) -> Any:
    """The exact sum of those not null; null of nothing."""
    present = [value for value in values if value is not None]
    with localcontext(prec=60):
        return sum(present[1:], present[0]) if present else None


def total38(values: list[int | None]) -> Decimal | None:
    """The sum of whole numbers as a decimal of 38 digits; null of nothing, and beyond."""
    found = fitting(total(values), 38)
    return None if found is None else Decimal(found)


def fitting(value: Any, digits: int) -> Any:
    """A number with at most so many digits before its point; null beyond."""
    # Abs of a decimal would round it to the context's digits.
    return None if value is None or not -(10**digits) < value < 10**digits else value


def whole(value: int | None) -> int | None:
    """A whole number of 64 bits; null beyond."""
    return None if value is None or not -(2**63) <= value < 2**63 else value


def finite(value: float | None) -> float | None:
    """A number; null where it is infinite or not a number."""
    return None if value is None or not math.isfinite(value) else value


def mean(values: list[Any]) -> float | None:
    """The mean of those not null; null of nothing."""
    present = [value for value in values if value is not None]
    return float(total(present)) / len(present) if present else None


def extreme(values: list[Any], choose: Callable[[list[Any]], Any]) -> Any:
    """min or max of those not null; null of nothing."""
    present = [value for value in values if value is not None]
    return choose(present) if present else None


def years_between(start: date | None, end: date | None) -> int | None:
    """Completed calendar years; someone born on 29 February ages on 1 March."""
    if start is None or end is None or start > end:
        return None
    years = 0
    while _anniversary(start, years + 1) <= (end.year, end.month, end.day):
        years += 1
    return years


def days_between(start: date | None, end: date | None) -> int | None:
    """Days from one date to another; null if either is null or the first is later."""
    return None if start is None or end is None or start > end else (end - start).days


def divide(top: Decimal | float | None, bottom: float | None) -> float | None:
    """A quotient; null where either side is null or the divisor is zero."""
    return None if top is None or bottom is None or bottom == 0 else float(top) / float(bottom)


def as_float(value: Decimal | float | None) -> float | None:
    """A float, or null."""
    return None if value is None else float(value)


def _anniversary(start: date, years: int) -> tuple[int, int, int]:
    return (start.year + years, start.month, start.day)


def _last(found: list[Event]) -> list[Event]:
    """Each event by its last record, but those that it retracts."""
    last: dict[tuple[Any, ...], Event] = {}
    for event in found:
        newest = last.get(_identity(event))
        if newest is None or _recording(newest) < _recording(event):
            last[_identity(event)] = event
    return [event for event in last.values() if event["retraction"] is None]


def _identity(event: Event) -> tuple[Any, ...]:
    return (event["key"], event["at"], event["tie"])


def _recording(event: Event) -> tuple[Any, ...]:
    return (event["recorded"], event["ingested"], event["row"])
