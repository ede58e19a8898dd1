"""What the control API answers when it refuses, by the kind of error."""

import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hindcast.errors import (
    ConflictError,
    GateError,
    HindcastError,
    InputError,
    NotFoundError,
    ReleaseError,
    StoreUnavailableError,
)
from hindcast.serving.requests import RequestError

RETRY_AFTER_SECONDS = 5
# The first that an error is an instance of decides.
_STATUSES: tuple[tuple[type[HindcastError], int], ...] = (
    (NotFoundError, 404),
    (ConflictError, 409),
    (GateError, 409),
    (ReleaseError, 409),
    (InputError, 422),
    (StoreUnavailableError, 503),
)


@dataclass(frozen=True)
class ControlAnswer:
    """What is sent back; kept: what its key gives the next time, where that is less."""

    status: int
    body: Mapping[str, Any]
    location: str | None = None
    kept: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_recorded: bool = False


def answer(error: Exception) -> ControlAnswer:
    """The answer to a call that failed; of what nobody foresaw it says nothing."""
    if isinstance(error, RequestError):
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
        return ControlAnswer(error.status, _document(error.field, error.message), headers=headers)
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}
            return ControlAnswer(status, _document(None, str(error)), headers=headers)
    sys.stderr.write("".join(traceback.format_exception(error)))
    return ControlAnswer(500, _document(None, "something went wrong here; it has been logged"))


def _document(field: str | None, message: str) -> dict[str, Any]:
    """The body of every refusal, as the predict API has it."""
    return {"error": {"field": field, "message": message}}
