"""Instants and lengths of time as people and events write them."""

import re
from datetime import UTC, datetime, timedelta

from hindcast.errors import InputError

_LENGTH = re.compile(r"(\d{1,6}) ?(minute|hour|day)s?")


def instant(text: str, field: str) -> datetime:
    """A date (its midnight) or ISO instant, in UTC unless it says otherwise.

    field: what the caller calls it. Raises InputError naming that.
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"{field} '{text}': not a date or instant; write 2021-09-17 or 2021-09-17T12:00:00Z"
        ) from error
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def length(text: str, field: str) -> timedelta:
    """A length of time such as "7 days", "6 hours" or "30 minutes"; InputError naming the field."""
    found = _LENGTH.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise InputError(f"{field} '{text}': not a length of time; write 7 days, or 30 minutes")
    return timedelta(**{f"{found[2]}s": int(found[1])})
