"""Subscriptions: another system is told by one of them, and no code."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, get_args

from hindcast.errors import InputError
from hindcast.operations.events import webhooks
from hindcast.operations.events.addresses import Destination
from hindcast.operations.events.keys import keys_of
from hindcast.settings import Settings
from hindcast.stores.ledger import EventType, Outbox, Subscription

NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


@dataclass(frozen=True)
class Subscribed:
    """A new subscription, with the secret that nobody is shown again."""

    name: str
    url: str
    types: Sequence[EventType]
    secret: str


def subscribe(
    settings: Settings, outbox: Outbox, name: str, url: str, types: Sequence[str], by: str
) -> Subscribed:
    """Post events of these types, by default all, to a URL from now on, signed with a new secret.

    Raises InputError for a name, URL or type that cannot be, and for a name that is taken.
    """
    if not NAME.fullmatch(name):
        raise InputError(f"'{name}': a name is up to 63 of a-z, 0-9, _ and -, a letter first")
    wanted = [event_type(each) for each in types]
    destination = Destination(url, is_public_only(settings))
    if destination.public_only:
        destination.addresses()
    kept = outbox.subscribe(name, url, wanted, by)
    # After the ledger took the name: of two who want it, one has both the name and the secret.
    secret = webhooks.new_secret()
    keys_of(settings).put(name, secret)
    return Subscribed(kept.name, kept.url, kept.types, secret)


def unsubscribe(settings: Settings, outbox: Outbox, name: str, by: str) -> Subscription:
    """Post nothing more to a subscription; raises NotFoundError."""
    ended = outbox.unsubscribe(name, by)
    keys_of(settings).drop(name)
    return ended


def event_type(text: str) -> EventType:
    """The type of event with this name; raises InputError listing them."""
    known = get_args(EventType)
    if text not in known:
        raise InputError(f"no event is '{text}'; the types are {', '.join(known)}")
    return cast("EventType", text)


def is_public_only(settings: Settings) -> bool:
    """Whether webhooks lead to public addresses only: always, but on a machine of one's own."""
    return settings.deployment is not None
