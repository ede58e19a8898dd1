"""Models behind one address, as one API: whose handler answers which path."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from hindcast.errors import NotFoundError
from hindcast.serving import answers, requests
from hindcast.serving.handler import Handler, make_handler
from hindcast.serving.requests import RequestError
from hindcast.traffic.split import TrafficSplit

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


class OnceReleased:
    """A model's handler, opened as soon as there is a release; until then it answers with 503.

    opening: raises NotFoundError where there is no release. One request is answered at a time.
    """

    def __init__(self, opening: Callable[[], TrafficSplit]) -> None:
        self._opening = opening
        self._opened: TrafficSplit | None = None

    def __call__(self, event: dict[str, Any], context: Any) -> Answer:
        """Answer one proxy event."""
        self.open()
        return (self._opened or make_handler(None))(event, context)

    def open(self) -> NotFoundError | None:
        """Open what answers; why there is nothing to open yet."""
        try:
            self._opened = self._opened or self._opening()
        except NotFoundError as error:
            return error
        return None

    def close(self) -> None:
        """Close what answers."""
        if self._opened is not None:
            self._opened.close()


def _answer(status: int, document: Mapping[str, Any]) -> Answer:
    headers = {"Content-Type": ["application/json"]}
    return {"statusCode": status, "multiValueHeaders": headers, "body": json.dumps(document)}
