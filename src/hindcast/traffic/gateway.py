"""An ASGI application that plays API Gateway before a Lambda handler."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from hindcast.serving import answers, requests
from hindcast.serving.handler import Handler
from hindcast.serving.requests import RequestError
from hindcast.traffic import proxy_events

BODY_SECONDS = 30  # All of a request's body has to be here after so long.
_DRAIN_BYTES = 8 * requests.MAX_BODY_BYTES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class _GoneError(Exception):
    """Raised when a client went away before all of its request was here."""


class Gateway:
    """One event at a time to the handler, as Lambda does it, however many connections there are."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; what nobody waits for any more is neither asked nor answered."""
        try:
            event = _event(scope, await _body(receive))
        except RequestError as error:
            await _send(send, _refused(error), is_last=True)
        except _GoneError:
            return
        else:
            # In the loop's own thread: the others wait for their turn in any case, and the way to
            # another thread and back would cost a third of a prediction.
            answer = self._handler(event, proxy_events.Context())
            await _send(send, answer, is_last=False)


async def _body(receive: Receive) -> bytes:
    """All of it; raises RequestError 408 where it is slow, and 413 where it is large."""
    content = bytearray()
    received, is_more = 0, True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            # Reading on for a while lets the client see the answer instead of a broken pipe.
            while is_more and received <= _DRAIN_BYTES:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _GoneError
                received += len(message["body"])
                is_more = message["more_body"]
                if received <= requests.MAX_BODY_BYTES:
                    content += message["body"]
    except TimeoutError:
        raise RequestError(
            HTTPStatus.REQUEST_TIMEOUT, "body", f"is not here after {BODY_SECONDS} seconds"
        ) from None
    if received > requests.MAX_BODY_BYTES:
        raise requests.too_large()
    return bytes(content)


def _event(scope: Message, body: bytes) -> dict[str, Any]:
    """The event of a request; raises RequestError 400 for a target that is none."""
    query = scope["query_string"]
    target = (scope["raw_path"] + (b"?" + query if query else b"")).decode("ascii")
    headers = [(name.decode("latin-1"), text.decode("latin-1")) for name, text in scope["headers"]]
    client = scope["client"][0] if scope["client"] else ""
    return proxy_events.proxy_event(scope["method"], target, headers, body, client)


def _refused(error: RequestError) -> dict[str, Any]:
    document = json.dumps(answers.refusal(error.field, error.message))
    headers = {"Content-Type": ["application/json"]}
    return {"statusCode": error.status, "multiValueHeaders": headers, "body": document}


async def _send(send: Send, answer: dict[str, Any], is_last: bool) -> None:
    """The handler's answer over HTTP; is_last: whether the connection ends with it."""
    content = answer.get("body") or ""
    is_encoded = answer.get("isBase64Encoded")
    body = base64.b64decode(content) if is_encoded else content.encode()
    headers = [
        (name.encode("latin-1"), text.encode("latin-1"))
        for name, texts in (answer.get("multiValueHeaders") or {}).items()
        for text in texts
    ]
    headers.append((b"content-length", str(len(body)).encode()))
    if is_last:
        headers.append((b"connection", b"close"))
    status = int(answer["statusCode"])
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
