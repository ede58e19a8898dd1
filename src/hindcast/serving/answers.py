"""What callers get: JSON documents, and refusals that show no SQL, path or stack."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from aws_lambda_powertools.event_handler import Response

RETRY_AFTER_SECONDS = 5
_CONTENT_TYPE = "application/json"
# JSON has no NaN and no infinities, and an answer with them would be none.
_encode = json.JSONEncoder(allow_nan=False).encode


def ok(document: Mapping[str, Any]) -> Response[str]:
    """200 with a document."""
    return Response(200, _CONTENT_TYPE, _encode(document))


def error(status: int, field: str | None, message: str) -> Response[str]:
    """A refusal: what is wrong with which field, or with none of them."""
    return Response(status, _CONTENT_TYPE, _encode(refusal(field, message)))


def not_allowed(methods: Sequence[str]) -> Response[str]:
    """405 of a path that takes other methods."""
    message = f"takes {' and '.join(methods)}"
    headers = {"Allow": ", ".join(methods)}
    return Response(405, _CONTENT_TYPE, _encode(refusal("method", message)), headers)


def refusal(field: str | None, message: str) -> dict[str, Any]:
    """The body of every refusal, alone or in the place of one answer of a batch."""
    return {"error": {"field": field, "message": message}}


def unavailable(document: Mapping[str, Any]) -> Response[str]:
    """503, worth trying again after RETRY_AFTER_SECONDS."""
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return Response(503, _CONTENT_TYPE, _encode(document), headers)


def echo(raw: Any) -> Any:
    """An id as the caller wrote it, or null where it was nothing like an id."""
    return raw if type(raw) in (int, str) else None


def features(values: Mapping[str, Any]) -> dict[str, Any]:
    """Feature values as JSON holds them: dates and instants as text, no finite number as null."""
    return {name: _json(value) for name, value in values.items()}


def _json(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value
