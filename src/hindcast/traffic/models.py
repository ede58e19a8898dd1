"""Models behind one address, as one API: whose handler answers which path."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from hindcast.serving import answers, requests
from hindcast.serving.handler import Handler
from hindcast.serving.requests import RequestError

Answer = dict[str, Any]
_PREFIX, _HEALTH = "/models/", "/health"


class Models:
    """A handler that leaves /models/{model}/... to the model's own, and short paths to a default's.

    Without a default, a short path is a 404 that names the models, and /health tells of each.
    """

    def __init__(self, handlers: Mapping[str, Handler], default: str | None) -> None:
        self._handlers = handlers
        self._default = default

    def __call__(self, event: dict[str, Any], context: Any) -> Answer:
        """Answer one proxy event."""
        path: str = event["path"]
        if path == _HEALTH and self._default is None:
            return self._health(event, context)
        try:
            return self._handlers[self._model(path)](event, context)
        except RequestError as error:
            return _answer(error.status, answers.refusal(error.field, error.message))

    def _model(self, path: str) -> str:
        """The model of a path; raises RequestError 404 naming those that there are."""
        if path.startswith(_PREFIX):
            model = unquote(path.removeprefix(_PREFIX).partition("/")[0])
            if model not in self._handlers:
                raise requests.unknown_model(model, self._handlers)
            return model
        if self._default is None:
            known = ", ".join(self._handlers)
            raise RequestError(404, "path", f"names no model; use /models/ and one of {known}")
        return self._default

    def _health(self, event: dict[str, Any], context: Any) -> Answer:
        """Every model's health; the status is that of the worst."""
        found = {name: handler(event, context) for name, handler in self._handlers.items()}
        bodies = {name: json.loads(answer["body"]) for name, answer in found.items()}
        status = max(answer["statusCode"] for answer in found.values())
        return _answer(status, {"status": "ok" if status == 200 else "down", "models": bodies})


def _answer(status: int, document: Mapping[str, Any]) -> Answer:
    headers = {"Content-Type": ["application/json"]}
    return {"statusCode": status, "multiValueHeaders": headers, "body": json.dumps(document)}
