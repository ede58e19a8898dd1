"""Webhooks: an event posted to a subscriber's URL, signed as Standard Webhooks say."""

import base64
import hashlib
import hmac
import http.client
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hindcast.errors import HindcastError, InputError, first_line
from hindcast.operations.events import envelope
from hindcast.operations.events.addresses import Destination
from hindcast.operations.events.deadlines import Deadline, TimedSocket
from hindcast.stores.ledger import Event, EventType, Subscription

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
# For a delivery in all, however a subscriber spreads its answer over time.
SECONDS = 15.0

# Posts a body with headers and gives the status of the answer.
Post = Callable[[Destination, Mapping[str, str], bytes], int]


@dataclass(frozen=True)
class WebhookSink:
    """One subscription's URL. secret: gives what its events are signed with."""

    subscription: Subscription
    source: str
    secret: Callable[[], str]
    post: Post
    public_only: bool
    clock: Callable[[], datetime]

    @property
    def name(self) -> str:
        """The subscription's name, after what no other sink begins with."""
        return f"webhook:{self.subscription.name}"

    @property
    def types(self) -> Sequence[EventType]:
        """The types that were subscribed to."""
        return self.subscription.types

    @property
    def since(self) -> datetime:
        """When the subscription began."""
        return self.subscription.changed_at

    def send(self, event: Event) -> None:
        """Post the event; raises HindcastError unless the answer is 2xx. Redirects are none."""
        body = envelope.encode(event, self.source)
        signed = headers(self.secret(), event.id, self.clock(), body)
        status = self.post(Destination(self.subscription.url, self.public_only), signed, body)
        if not 200 <= status < 300:
            raise HindcastError(f"{self.subscription.url} answered {status}")


def new_secret() -> str:
    """What a new subscription's events are signed with."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers(secret: str, event_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The signed headers of an attempt; the same event has the same webhook-id in every one."""
    stamp = str(int(at.timestamp()))
    return {
        "Content-Type": envelope.CONTENT_TYPE,
        "webhook-id": event_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{_signature(secret, event_id, stamp, body)}",
    }


def _signature(secret: str, event_id: str, stamp: str, body: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError as error:
        raise InputError("the subscription's secret is not one; subscribe anew") from error
    signed = f"{event_id}.{stamp}.".encode() + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def post(
    destination: Destination, headers: Mapping[str, str], body: bytes, seconds: float = SECONDS
) -> int:
    """Post from this process; the answer's status. Raises HindcastError where none comes in time.

    Only how long a name takes to resolve is the system's to say.
    """
    deadline = Deadline.after(seconds)
    parts = destination.parts
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection = http.client.HTTPConnection(str(parts.hostname))
        # Not by the name, which could lead elsewhere since it was checked.
        connection.sock = TimedSocket(destination.connect(deadline), deadline)
        try:
            connection.request("POST", path, body, {"Host": parts.netloc, **headers})
            return connection.getresponse().status
        finally:
            connection.close()
    except TimeoutError as error:
        raise HindcastError(f"{destination.url}: no answer within {seconds:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        raise HindcastError(f"{destination.url}: {first_line(error)}") from error
