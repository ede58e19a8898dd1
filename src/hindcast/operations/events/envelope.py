"""An event of the outbox as others get it: a CloudEvent whose data have a versioned schema."""

import json
from importlib import resources
from typing import Any

from hindcast.stores.ledger import Event, EventType

CONTENT_TYPE = "application/cloudevents+json"
# Of each type's schema. What takes a field away or changes its meaning is a new version.
VERSION = 1


def encode(event: Event, source: str) -> bytes:
    """The event in the JSON format of CloudEvents 1.0."""
    # Loaded where events are sent only: other commands start without it.
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent

    attributes = {
        "id": event.id,
        "source": source,
        "type": event.type,
        "subject": event.subject,
        "time": event.occurred_at,
        "datacontenttype": "application/json",
        "dataschema": schema_name(event.type),
    }
    return JSONFormat().write(CloudEvent(attributes, dict(event.data)))


def schema_name(type: EventType) -> str:
    """What identifies the schema of a type's data."""
    return f"urn:hindcast:event:{type}:v{VERSION}"


def schema(type: EventType) -> dict[str, Any]:
    """The JSON schema of a type's data."""
    file = resources.files(__package__) / "schemas" / f"{type}.v{VERSION}.json"
    found: dict[str, Any] = json.loads(file.read_text())
    return found
