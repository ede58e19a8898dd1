"""What API Gateway hands a Lambda: a REST proxy event (version 1) and a context."""

import base64
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hindcast.serving.requests import RequestError

TIMEOUT_MILLISECONDS = 29_000


@dataclass(frozen=True)
class Context:
    """What Lambda tells a function about itself, for one request."""

    function_name: str = "hindcast-serve"
    function_version: str = "$LATEST"
    invoked_function_arn: str = "arn:aws:lambda:local:000000000000:function:hindcast-serve"
    memory_limit_in_mb: int = 0
    log_group_name: str = "local"
    log_stream_name: str = "local"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def get_remaining_time_in_millis(self) -> int:
        """API Gateway waits so long for an answer, in milliseconds."""
        return TIMEOUT_MILLISECONDS


def proxy_event(
    method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes, client: str
) -> dict[str, Any]:
    """The event for one HTTP request; a body that is not UTF-8 travels as base64.

    The path is percent-encoded as it came, as a REST API hands it on. Raises RequestError 400 for a
    target that is no URL.
    """
    path, asked = _parts(target)
    query = parse_qs(asked, keep_blank_values=True)
    fields: dict[str, list[str]] = {}
    for name, value in headers:
        fields.setdefault(name, []).append(value)
    text, is_base64 = _text(body)
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": {name: values[-1] for name, values in fields.items()},
        "multiValueHeaders": fields,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "httpMethod": method,
            "path": path,
            "stage": "local",
            "identity": {"sourceIp": client},
        },
        "body": text or None,
        "isBase64Encoded": is_base64,
    }


def _parts(target: str) -> tuple[str, str]:
    """Path and query of a request's target, which may be a whole URL."""
    if target.startswith("/"):  # Two slashes would begin a host's name.
        path, _, query = target.partition("?")
        return path, query
    try:
        parts = urlsplit(target)
    except ValueError as error:
        raise RequestError(400, "path", "is no URL that can be read") from error
    return parts.path, parts.query


def _text(body: bytes) -> tuple[str, bool]:
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True
