"""When something is done again: "daily 02:00", "hourly", "every 6 hours"; in UTC."""

import re
from dataclasses import dataclass

from hindcast.errors import DefinitionError

_MINUTE = 60_000_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_DAILY = re.compile(r"daily ([01][0-9]|2[0-3]):([0-5][0-9])")
_HOURS = re.compile(r"every (2|3|4|6|8|12) hours")


@dataclass(frozen=True)
class Schedule:
    """Instants that lie a period apart, one of them `offset` after midnight; microseconds."""

    period: int
    offset: int


def parse(text: str, where: str, argument: str = "refreshed") -> Schedule:
    """The schedule of a text; raises DefinitionError, which names the argument, for any other."""
    daily, hours = _DAILY.fullmatch(text), _HOURS.fullmatch(text)
    if daily:
        return Schedule(_DAY, int(daily[1]) * _HOUR + int(daily[2]) * _MINUTE)
    if hours:
        return Schedule(int(hours[1]) * _HOUR, 0)
    if text == "hourly":
        return Schedule(_HOUR, 0)
    raise DefinitionError(
        f"{where}: {argument} is '{text}'; use 'daily HH:MM' (UTC), 'hourly', or 'every N hours' "
        "with N one of 2, 3, 4, 6, 8, 12"
    )
