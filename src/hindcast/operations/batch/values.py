"""Values as YAML has them, in the types that parameters want."""

from datetime import UTC, date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from hindcast.errors import InputError
from hindcast.instants import instant


class Strict(BaseModel):
    """Parameters; what is not declared is refused by its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def as_instant(given: Any) -> Any:
    """A YAML date or timestamp, or text, as an instant in UTC; raises ValueError for other text."""
    if isinstance(given, datetime):
        return given if given.tzinfo else given.replace(tzinfo=UTC)
    if isinstance(given, date):
        return datetime(given.year, given.month, given.day, tzinfo=UTC)
    if isinstance(given, str):
        try:
            return instant(given, "it")
        except InputError as error:
            raise ValueError(str(error)) from error
    return given
