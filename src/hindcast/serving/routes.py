"""The routes of a service: which answer is whose, and which methods a path takes."""

import re
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response


class Routes:
    """Adds routes to an app, and remembers them for who asks by a wrong method."""

    def __init__(self, app: APIGatewayRestResolver) -> None:
        self._app = app
        self._known: list[tuple[str, re.Pattern[str]]] = []

    def add(self, method: str, rule: str, answer: Callable[..., Response[str]]) -> None:
        """Let answer take a method of the paths that a rule describes, as /features/<key> does."""
        self._app.route(rule, method)(answer)
        self._known.append((method, re.compile(re.sub(r"<\w+>", "[^/]+", rule))))

    def allowed(self, event: dict[str, Any]) -> list[str]:
        """The methods that an event's path takes; none of a path that is no route."""
        return [method for method, path in self._known if path.fullmatch(event["path"])]
