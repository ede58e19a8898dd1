"""Webhooks from within a network without exits: posted by a function outside of it.

That function sees a signed body and where it goes, and no secret and no database.
"""

import json
from collections.abc import Mapping
from typing import Any

from hindcast.errors import HindcastError
from hindcast.operations.events import webhooks
from hindcast.operations.events.addresses import Destination
from hindcast.operations.events.webhooks import Post
from hindcast.settings import Settings
from hindcast.stores import aws

ACTION = "post_webhook"


def post_of(settings: Settings) -> Post:
    """How a deployment posts, or this machine."""
    return _by_function(settings.poster) if settings.poster else webhooks.post


def answer(event: Mapping[str, Any]) -> dict[str, Any]:
    """What the function outside does: post to a public address; the status of the answer."""
    destination = Destination(event["url"], public_only=True)
    return {"status": webhooks.post(destination, event["headers"], event["body"].encode())}


def _by_function(function: str) -> Post:
    def post(destination: Destination, headers: Mapping[str, str], body: bytes) -> int:
        event = {"action": ACTION, "url": destination.url, "headers": {**headers}}
        payload = json.dumps({**event, "body": body.decode()})
        with aws.one_error(f"function {function}"):
            done = aws.client("lambda").invoke(FunctionName=function, Payload=payload)
        document = json.load(done["Payload"])
        if "FunctionError" in done:
            raise HindcastError(f"function {function}: {document.get('errorMessage', 'it failed')}")
        return int(document["status"])

    return post
