"""Values as YAML has them, in the types that parameters want."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from hindcast.errors import InputError
from hindcast.instants import instant


class Strict(BaseModel):
    """Parameters; what is not declared is refused by its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def as_instant(given: Any) -> Any:
    """Text as an instant in UTC; raises ValueError for what is none."""
    if not isinstance(given, str):
        return given
    try:
        return instant(given, "it")
    except InputError as error:
        raise ValueError(str(error)) from error
