"""The control API: proxy events in, who calls and what for checked, proxy answers out."""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from hindcast.errors import HindcastError, StoreUnavailableError
from hindcast.operations.control import refusals
from hindcast.operations.control.access import Access, Caller
from hindcast.operations.control.control import Call, Control, Reply
from hindcast.operations.control.jobs import validated
from hindcast.operations.control.refusals import ControlAnswer
from hindcast.operations.control.routes import ROUTES, Route
from hindcast.serving import requests
from hindcast.serving.requests import RequestError
from hindcast.stores.ledger.documents import document

Event = Mapping[str, Any]
KEY = "Idempotency-Key"
KEY_CHARACTERS = 200


@dataclass(frozen=True)
class Request:
    """A call and its route; digest: the same for the same path and body."""

    route: Route
    call: Call
    digest: str


class ControlApi:
    """One handler for both faces: API Gateway's events, and those of `hindcast serve`."""

    def __init__(self, control: Control, access: Access) -> None:
        self._control, self._access = control, access

    def __call__(self, event: Event, context: Any) -> dict[str, Any]:
        """ControlAnswer a proxy event; every call of somebody who is known is recorded."""
        try:
            caller = self._access.caller(event)
        except HindcastError as error:
            return _sent(refusals.answer(error))
        try:
            request = _request(event, caller)
            answer = self._kept(request) if request.call.key else self._acted(request)
        # Whatever went wrong, the caller gets an answer.
        except Exception as error:  # noqa: BLE001
            answer = refusals.answer(error)
        if not answer.is_recorded:
            self._record(event, caller, answer)
        return _sent(answer)

    @staticmethod
    def owns(path: str) -> bool:
        """Whether a path is one of this API's."""
        return any(route.pattern.fullmatch(path) for route in ROUTES)

    def _acted(self, request: Request) -> ControlAnswer:
        reply = request.route.act(self._control, request.call)
        return _answer(request.route.status, reply)

    def _kept(self, request: Request) -> ControlAnswer:
        """What the key's first call was answered, or this one's answer, kept for the next."""
        calls, call, route = self._control.application.ledger.calls, request.call, request.route
        by, key = call.caller.name, call.key or ""
        with calls.alone(by, key):
            if found := calls.kept(by, key):
                if found.digest != request.digest:
                    raise RequestError(422, KEY, "was used for another call; use another key")
                return ControlAnswer(found.status, found.answer, found.answer.get("url"))
            answer = self._acted(request)
            kept = (key, request.digest, answer.kept or answer.body)
            calls.add(by, call.caller.role, route.method, call.target, answer.status, kept)
        return ControlAnswer(answer.status, answer.body, answer.location, is_recorded=True)

    def _record(self, event: Event, caller: Caller, answer: ControlAnswer) -> None:
        calls = self._control.application.ledger.calls
        target = event["path"][: requests.MAX_ITEMS]
        try:
            calls.add(caller.name, caller.role, event["httpMethod"], target, answer.status)
        except StoreUnavailableError as error:
            sys.stderr.write(f"hindcast: a call by {caller.name} is unrecorded: {error}\n")


def _request(event: Event, caller: Caller) -> Request:
    """The checked call of an event; raises RequestError, 403 before anything else is read."""
    method, path = event["httpMethod"], event["path"]
    route, values = _route(method, path)
    caller.require(route.role)
    raw = {} if method == "GET" else _body(event)
    call = Call(
        caller,
        target=path,
        path=values,
        query=validated(route.query, event.get("queryStringParameters") or {}),
        # Those of a job are checked by the job.
        body=validated(route.body, {} if route.bodies else raw),
        raw=raw,
        key=_key(event) if method == "POST" else None,
    )
    said = json.dumps([path, raw], sort_keys=True)
    return Request(route, call, hashlib.sha256(said.encode()).hexdigest())


def _route(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a path, and the values in it; raises RequestError 404, 405."""
    found = [(route, match) for route in ROUTES if (match := route.pattern.fullmatch(path))]
    if not found:
        raise RequestError(404, "path", "there is no such route")
    for route, match in found:
        if route.method == method:
            values = {name: unquote(value) for name, value in match.groupdict().items()}
            return route, {name: requests.text(value, name) for name, value in values.items()}
    allowed = ", ".join(route.method for route, _ in found)
    raise RequestError(405, "method", f"{method} is not allowed here; allowed are {allowed}")


def _body(event: Event) -> dict[str, Any]:
    """The JSON object that was sent; nothing is an empty one."""
    text = event.get("body")
    return requests.json_object(text, event.get("isBase64Encoded", False)) if text else {}


def _key(event: Event) -> str | None:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    key: str | None = headers.get(KEY.lower())
    if key is not None and not (
        0 < len(key) <= KEY_CHARACTERS and key.isascii() and key.isprintable()
    ):
        raise RequestError(422, KEY, f"must be 1 to {KEY_CHARACTERS} printable characters of ASCII")
    return key


def _answer(status: int, reply: Reply) -> ControlAnswer:
    body = document(reply.document.model_dump(mode="json"))
    kept = {name: None if name in reply.secret else value for name, value in body.items()}
    return ControlAnswer(status, body, reply.location, kept)


def _sent(answer: ControlAnswer) -> dict[str, Any]:
    headers = {"Content-Type": ["application/json"], "Cache-Control": ["no-store"]}
    headers |= {name: [value] for name, value in answer.headers.items()}
    if answer.location:
        headers["Location"] = [answer.location]
    body = json.dumps(answer.body, allow_nan=False)
    return {"statusCode": answer.status, "multiValueHeaders": headers, "body": body}
