"""The relay: hands what is due in the outbox to each sink, and keeps what came of it."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from hindcast.bootstrap import Application
from hindcast.errors import HindcastError, first_line
from hindcast.operations.events import posting, webhooks
from hindcast.operations.events.keys import keys_of
from hindcast.operations.events.sinks import BusSink, FileSink, PeopleSink, Sink, TopicSink
from hindcast.operations.events.subscriptions import is_public_only
from hindcast.operations.events.webhooks import Post, WebhookSink
from hindcast.settings import Settings
from hindcast.stores.ledger import Due, Outbox, Outcome, Subscription

FILE = "events.jsonl"
# How long after each failed attempt the next one is due; after the last of them it is dead.
DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
)
# Between the passes of a relay that goes on.
EVERY_SECONDS = 2.0
# A sink that fails so often in a row is left alone until the next pass.
FAILURES_IN_A_ROW = 3


@dataclass
class Passed:
    """What passes did: sink -> events that it took, that it did not, and that are dead."""

    delivered: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    dead: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Relay:
    """What delivers the events of one outbox. source: whose they are, as the events say it."""

    settings: Settings
    outbox: Outbox
    source: str
    post: Post = webhooks.post

    def sinks(self) -> list[Sink]:
        """Every sink of a deployment, or of this home; webhooks last, as they may be slow."""
        settings, source = self.settings, self.source
        found: list[Sink] = []
        if settings.event_bus:
            found.append(BusSink(settings.event_bus, source))
        if settings.events_topic_arn:
            found.append(TopicSink(settings.events_topic_arn, source))
        if settings.topic_arn:
            found.append(PeopleSink(settings.topic_arn))
        if not settings.deployment:
            found.append(FileSink(settings.home / FILE, source))
        return [*found, *map(self._webhook, self.outbox.subscriptions())]

    def deliver(self) -> Passed:
        """One pass over the sinks; what another relay delivers to already is left to it.

        Raises StoreUnavailableError where the outbox does not answer.
        """
        passed = Passed()
        self._pass_into(passed)
        return passed

    def drain(self) -> Passed:
        """Pass over the sinks until none of them takes anything more now."""
        passed, before = Passed(), -1
        while sum(passed.delivered.values()) > before:
            before = sum(passed.delivered.values())
            self._pass_into(passed)
        return passed

    def drain_loudly(self) -> Passed:
        """As `drain`, for an alarm on errors: raises HindcastError where an event died of it."""
        passed = self.drain()
        if passed.dead:
            told = ", ".join(f"{count} at {sink}" for sink, count in passed.dead.items())
            raise HindcastError(f"events are dead letters now: {told}; send them anew once mended")
        return passed

    def _pass_into(self, passed: Passed) -> None:
        for sink in self.sinks():
            with self.outbox.alone(sink.name) as is_mine:
                if is_mine:
                    _pass(self.outbox, sink, passed)

    @contextmanager
    def opened(self, every: float = EVERY_SECONDS) -> Iterator[None]:
        """Deliver every so many seconds, until the with ends."""
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(stop, every), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _run(self, stop: threading.Event, every: float) -> None:
        while not stop.wait(every):
            try:
                self.deliver()
            except HindcastError as error:
                sys.stderr.write(f"hindcast: events wait: {first_line(error)}\n")

    def _webhook(self, subscription: Subscription) -> WebhookSink:
        return WebhookSink(
            subscription,
            self.source,
            partial(keys_of(self.settings).get, subscription.name),
            self.post,
            is_public_only(self.settings),
            lambda: datetime.now(UTC),
        )


def relay_of(application: Application) -> Relay:
    """The relay of a deployment, or of this home and project."""
    name = application.settings.deployment or application.project.folder.name
    post = posting.post_of(application.settings)
    return Relay(application.settings, application.ledger.outbox, f"/hindcast/{name}", post)


def _pass(outbox: Outbox, sink: Sink, passed: Passed) -> None:
    in_a_row = 0
    for due in outbox.due(sink.name, sink.types, sink.since):
        outcome = _attempt(outbox, sink, due)
        counts: dict[str, int] = getattr(passed, outcome)
        counts[sink.name] = counts.get(sink.name, 0) + 1
        in_a_row = 0 if outcome == "delivered" else in_a_row + 1
        if in_a_row == FAILURES_IN_A_ROW:
            return


def _attempt(outbox: Outbox, sink: Sink, due: Due) -> Outcome:
    """What came of sending an event. Killed before that is recorded, it is sent again."""
    try:
        sink.send(due.event)
    except HindcastError as error:
        retry_in = DELAYS[due.attempt - 1] if due.attempt <= len(DELAYS) else None
        return outbox.record(sink.name, due, first_line(error), retry_in)
    return outbox.record(sink.name, due)
