"""Where events go: what a sink is, the local file, and EventBridge and SNS on AWS."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from hindcast.errors import HindcastError
from hindcast.operations.events import envelope, people
from hindcast.stores import aws
from hindcast.stores.ledger import Event, EventType

# What EventBridge's rules match as the source; the deployment is in the event itself.
BUS_SOURCE = "hindcast"
SUBJECT_CHARACTERS = 100


class Sink(Protocol):
    """Takes events. types: those it takes, none for all; since: from when on, None for all."""

    @property
    def name(self) -> str:
        """What its deliveries are recorded under."""
        ...

    @property
    def types(self) -> Sequence[EventType]:
        """The types that it takes; none: all."""
        ...

    @property
    def since(self) -> datetime | None:
        """When it began; None: it gets every event that there ever was."""
        ...

    def send(self, event: Event) -> None:
        """Hand an event over; raises HindcastError with the reason where it was not taken."""
        ...


@dataclass(frozen=True)
class FileSink:
    """A file of JSON lines, an event each."""

    path: Path
    source: str
    name: str = "file"
    types: Sequence[EventType] = ()
    since: datetime | None = None

    def send(self, event: Event) -> None:
        """Append a line, and have it on the disk."""
        try:
            with self.path.open("ab") as stream:
                stream.write(envelope.encode(event, self.source) + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise HindcastError(f"{self.path}: {error.strerror}") from error


@dataclass(frozen=True)
class BusSink:
    """A bus of EventBridge, by its name or ARN; rules on it match detail-type, the event's type."""

    bus: str
    source: str
    name: str = "eventbridge"
    types: Sequence[EventType] = ()
    since: datetime | None = None

    def send(self, event: Event) -> None:
        """Put the event on the bus, the CloudEvent as its detail."""
        entry = {
            "EventBusName": self.bus,
            "Source": BUS_SOURCE,
            "DetailType": event.type,
            "Detail": envelope.encode(event, self.source).decode(),
            "Time": event.occurred_at,
        }
        with aws.one_error(f"event bus {self.bus}"):
            answer = aws.client("events", aws.region_of(self.bus)).put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            [refused] = answer["Entries"]
            raise HindcastError(f"event bus {self.bus}: {refused.get('ErrorMessage', 'refused')}")


@dataclass(frozen=True)
class TopicSink:
    """An SNS topic that systems subscribe to; their filters may name the attribute `type`."""

    topic: str
    source: str
    name: str = "sns"
    types: Sequence[EventType] = ()
    since: datetime | None = None

    def send(self, event: Event) -> None:
        """Publish the CloudEvent as the message."""
        attributes = {"type": {"DataType": "String", "StringValue": event.type}}
        message = envelope.encode(event, self.source).decode()
        with aws.one_error(f"topic {self.topic}"):
            aws.client("sns", aws.region_of(self.topic)).publish(
                TopicArn=self.topic, Message=message, MessageAttributes=attributes
            )


@dataclass(frozen=True)
class PeopleSink:
    """The SNS topic that people read by e-mail: only what a person has to decide, in words."""

    topic: str
    name: str = "people"
    types: Sequence[EventType] = people.TYPES
    since: datetime | None = None

    def send(self, event: Event) -> None:
        """Publish what happened and what to do."""
        subject, message = people.letter(event)
        with aws.one_error(f"topic {self.topic}"):
            aws.client("sns", aws.region_of(self.topic)).publish(
                TopicArn=self.topic, Subject=subject[:SUBJECT_CHARACTERS], Message=message
            )
