"""Signatures are those of Standard Webhooks, and the example subscriber verifies them."""

from datetime import UTC, datetime

import pytest

from examples import subscriber
from hindcast.errors import InputError
from hindcast.operations.events import webhooks

# The example of the specification's own libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def signed() -> dict[str, str]:
    return webhooks.headers(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", AT, BODY)


def test_the_headers_are_those_of_the_specification() -> None:
    assert signed() == {
        "Content-Type": "application/cloudevents+json",
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


def test_each_subscription_has_a_secret_of_its_own() -> None:
    first, second = webhooks.new_secret(), webhooks.new_secret()
    assert first != second
    assert webhooks.headers(first, "a", AT, BODY) != webhooks.headers(second, "a", AT, BODY)


def test_what_is_no_secret_is_said_without_it() -> None:
    with pytest.raises(InputError, match="is not one") as error:
        webhooks.headers("whsec_!!", "a", AT, BODY)
    assert "!!" not in str(error.value)


def test_the_example_subscriber_takes_what_was_signed_and_nothing_else() -> None:
    at = AT.timestamp()
    assert subscriber.is_genuine(SECRET, signed(), BODY, at)
    assert not subscriber.is_genuine(SECRET, signed(), BODY + b" ", at)
    assert not subscriber.is_genuine(SECRET, signed() | {"webhook-id": "other"}, BODY, at)
    assert not subscriber.is_genuine(SECRET, {}, BODY, at)
    assert not subscriber.is_genuine(webhooks.new_secret(), signed(), BODY, at)
    assert not subscriber.is_genuine(SECRET, signed(), BODY, at + 301)
