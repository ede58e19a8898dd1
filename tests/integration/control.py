"""The control API over a home, without HTTP: proxy events in, statuses and documents out."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hindcast.operations.control import local
from hindcast.operations.control.access import ROLES, Tokens
from hindcast.operations.control.local import Handler
from hindcast.traffic.proxy_events import Context, proxy_event
from tests.integration.hindsight import Home

PATIENCE = 60.0


@dataclass
class Api:
    """The control API with a token for each role, by which its callers are called too."""

    handler: Handler
    tokens: dict[str, str]

    def ask(
        self, method: str, path: str, body: Any = None, by: str = "operator", key: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """The status and the document of an answer."""
        headers = [("Authorization", f"Bearer {self.tokens.get(by, by)}")]
        headers += [("Idempotency-Key", key)] if key else []
        sent = b"" if body is None else json.dumps(body).encode()
        event = proxy_event(method, path, headers, sent, "127.0.0.1")
        answer = self.handler(event, Context())
        return answer["statusCode"], json.loads(answer["body"])

    def done(self, method: str, path: str, body: Any = None, **given: Any) -> dict[str, Any]:
        """The document of a call that succeeds."""
        status, document = self.ask(method, path, body, **given)
        assert status < 300, document
        return document

    def wait(self, run: str, *statuses: str) -> dict[str, Any]:
        """A run once it has one of these statuses."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = self.done("GET", f"/runs/{run}")
            if found["status"] in statuses:
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.05)


@contextmanager
def opened(home: Home, at_once: int = 1) -> Iterator[Api]:
    """The API of a home, as `hindcast serve --admin` has it."""
    tokens = Tokens(home.folder)
    known = {str(role): tokens.add(role, role) for role in ROLES}
    with local.opened(home.application, at_once) as beside:
        yield Api(beside(lambda event, context: {"statusCode": 418, "body": "{}"}), known)
