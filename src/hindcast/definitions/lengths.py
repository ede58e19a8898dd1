"""Lengths of time in definitions: days(60), hours(24)."""

from datetime import timedelta

from hindcast.definitions import arguments
from hindcast.errors import DefinitionError

# A hundred years: what every engine and every instant can be moved by.
MOST_DAYS = 36_500


def days(count: int) -> timedelta:
    """A number of days, such as for a label's matures or a view's ttl."""
    arguments.require_whole("days()", "count", count, 0, MOST_DAYS)
    return timedelta(days=count)


def hours(count: int) -> timedelta:
    """A number of hours."""
    arguments.require_whole("hours()", "count", count, 0, MOST_DAYS * 24)
    return timedelta(hours=count)


def minutes(count: int) -> timedelta:
    """A number of minutes."""
    arguments.require_whole("minutes()", "count", count, 0, MOST_DAYS * 24 * 60)
    return timedelta(minutes=count)


def require(where: str, argument: str, given: object, least: timedelta = timedelta(0)) -> None:
    """Raise DefinitionError unless an argument is a length of time from `least` to a century."""
    arguments.require(where, argument, given, timedelta, "a length of time such as days(60)")
    assert isinstance(given, timedelta)
    if not least <= given <= timedelta(days=MOST_DAYS):
        low = "more than 0" if least else "from 0"
        raise DefinitionError(f"{where}: {argument} is {given}, not {low} to {MOST_DAYS} days")
