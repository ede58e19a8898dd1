"""A webhook of a network without exits is posted by a function, which looks where it goes."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from hindcast.errors import HindcastError, InputError
from hindcast.operations.events import posting, webhooks
from hindcast.operations.events.addresses import Destination
from hindcast.operations.events.webhooks import Post
from hindcast.settings import Settings
from hindcast.settings import load as load_settings

AT = datetime(2026, 11, 28, tzinfo=UTC)
SIGNED = webhooks.headers(webhooks.new_secret(), "one", AT, b"{}")


class Functions:
    """Lambda's client, over one function; calls: what it was called with."""

    def __init__(self, answer: dict[str, Any], error: str | None = None) -> None:
        self._answer, self._error = answer, error
        self.calls: list[Any] = []

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:
        self.calls.append((FunctionName, json.loads(Payload)))
        answer = {"Payload": io.BytesIO(json.dumps(self._answer).encode())}
        return answer | ({"FunctionError": self._error} if self._error else {})


def settings(poster: str | None) -> Settings:
    return load_settings({"HINDCAST_POSTER": poster} if poster else {})


def post_through(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> Post:
    monkeypatch.setattr("hindcast.stores.aws.client", lambda service: functions)
    return posting.post_of(settings("webhooks"))


def test_the_function_gets_what_was_signed_and_gives_the_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    functions = Functions({"status": 204})
    post = post_through(functions, monkeypatch)
    assert post(Destination("https://crm.test/", public_only=True), SIGNED, b"{}") == 204
    event = {"action": "post_webhook", "url": "https://crm.test/", "headers": SIGNED, "body": "{}"}
    assert functions.calls == [("webhooks", event)]


def test_what_the_function_could_not_do_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = {"errorMessage": "crm.test: leads to 127.0.0.1, which events are not posted to"}
    post = post_through(Functions(refusal, "Unhandled"), monkeypatch)
    with pytest.raises(HindcastError, match=r"function webhooks: crm\.test: leads to"):
        post(Destination("https://crm.test/", public_only=True), SIGNED, b"{}")


@pytest.mark.parametrize("url", ["http://93.184.215.14/", "https://localhost/"])
def test_the_function_posts_by_https_to_public_addresses_alone(url: str) -> None:
    with pytest.raises(InputError):
        posting.answer({"url": url, "headers": SIGNED, "body": "{}"})


def test_a_machine_of_ones_own_posts_itself() -> None:
    assert posting.post_of(settings(None)) is webhooks.post
