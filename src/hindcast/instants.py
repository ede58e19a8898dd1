"""Instants as people and events write them."""

from datetime import UTC, datetime

from hindcast.errors import InputError


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
