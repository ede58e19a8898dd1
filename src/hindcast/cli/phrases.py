"""Times, lengths and parameters as a person says them."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from hindcast.serving.release import short

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
# Longer ago than this, people name the day.
_RECENT = 7 * _DAY
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:[\d.]+)?(\+00:00|Z)")


def ago(then: datetime | None, now: datetime) -> str:
    """How long ago an instant was: "3 min ago"; the instant itself after a week."""
    if then is None:
        return ""
    seconds = (now - then).total_seconds()
    return f"{_length(seconds)} ago" if 0 <= seconds < _RECENT else minute(then)


def minute(instant: datetime) -> str:
    """An instant to the minute, in UTC; a midnight as its day."""
    return _short(_INSTANT.fullmatch(instant.isoformat())) or instant.isoformat()


def length(span: timedelta) -> str:
    """How long something takes or is old: "12 s", "3 min", "5 h", "40 days"."""
    return _length(span.total_seconds())


def took(seconds: float | None) -> str:
    """How long a run took; nothing for one that has not ended."""
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < _MINUTE else _length(seconds)


def parameters(given: Mapping[str, Any]) -> str:
    """Parameters on one line, such as "model=risk as_of=2021-09-17"; without those not given."""
    said = {name: _value(value) for name, value in given.items()}
    return " ".join(f"{name}={value}" for name, value in said.items() if value)


def _length(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min"
    if seconds < _DAY:
        return f"{seconds // _HOUR:.0f} h"
    days = int(seconds // _DAY)
    return "1 day" if days == 1 else f"{days} days"


def _value(value: Any) -> str:
    if value is None or value is False:
        return ""
    if isinstance(value, Mapping):
        return ",".join(f"{name}:{_value(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ",".join(_value(each) for each in value)
    return _short(_INSTANT.fullmatch(str(value))).replace(" ", "T") or short(str(value))


def _short(found: re.Match[str] | None) -> str:
    if found is None:
        return ""
    day, clock, seconds = found[1], found[2], found[3]
    return day if (clock, seconds) == ("00:00", ":00") else f"{day} {clock}"
