"""The outbox: which events are due to a sink, what came of each attempt, and who subscribed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    func,
    insert,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.sql.selectable import LateralFromClause

from hindcast.errors import InputError, NotFoundError
from hindcast.stores.ledger import documents, events, subscriptions, tables
from hindcast.stores.ledger.events import Announcement
from hindcast.stores.ledger.records import Delivery, Event, EventType, Outcome, Subscription
from hindcast.stores.ledger.transactions import from_values, record

_events, _deliveries = tables.events.c, tables.deliveries.c


@dataclass(frozen=True)
class Due:
    """An event to hand over now; attempt: 1 for the first since it was written or resent."""

    event: Event
    attempt: int


class Outbox:
    """The outbox of one ledger; every method is one transaction and raises what a Ledger does."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._transaction = transaction

    @contextmanager
    def alone(self, sink: str) -> Iterator[bool]:
        """Whether nobody else delivers to a sink; if so, nobody does until the with ends."""
        key = "hashtextextended('hindcast sink ' || :sink, 0)"
        statement = text(f"SELECT pg_try_advisory_xact_lock({key})")
        with self._transaction() as connection:
            yield bool(connection.scalar(statement, {"sink": sink}))

    def add(self, announcements: Mapping[str, Announcement]) -> None:
        """Keep events that belong to no entry of the ledger, by id; one that is there stays."""
        with self._transaction() as connection:
            for id, announcement in announcements.items():
                events.write(connection, announcement, id)

    def events(self, type: EventType | None = None, limit: int | None = 50) -> list[Event]:
        """The newest events first, of one type or of all."""
        statement = select(tables.events).order_by(_events.number.desc()).limit(limit)
        if type is not None:
            statement = statement.where(_events.type == type)
        with self._transaction() as connection:
            return [record(Event, row) for row in connection.execute(statement)]

    def due(
        self,
        sink: str,
        types: Sequence[EventType] = (),
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[Due]:
        """What is to be handed to a sink now, oldest first: new, failed and due again, or resent.

        types: of new events, by default all. since: new events from this instant on.
        """
        last = _last(sink)
        is_new: list[ColumnElement[bool]] = [last.c.outcome.is_(None)]
        if types:
            is_new.append(_events.type.in_(types))
        if since is not None:
            is_new.append(_events.occurred_at >= since)
        wanted = or_(and_(*is_new), last.c.due_at <= func.clock_timestamp())
        statement = (
            select(tables.events, last.c.attempt)
            .join_from(tables.events, last, true(), isouter=True)
            .where(wanted)
            .order_by(_events.number)
            .limit(limit)
        )
        with self._transaction() as connection:
            return [_due(row) for row in connection.execute(statement)]

    def record(
        self, sink: str, due: Due, error: str | None = None, retry_in: timedelta | None = None
    ) -> Outcome:
        """Keep what came of an attempt: delivered, failed until it is tried again, or dead."""
        outcome: Outcome = (
            "delivered" if error is None else "dead" if retry_in is None else "failed"
        )
        values = {
            "event": due.event.number,
            "sink": sink,
            "outcome": outcome,
            "attempt": due.attempt,
            "error": None if error is None else documents.text(error),
            "due_at": func.clock_timestamp() + retry_in if outcome == "failed" else None,
        }
        with self._transaction() as connection:
            connection.execute(insert(tables.deliveries).values(values))
        return outcome

    def undelivered(self, outcome: Outcome = "dead") -> list[tuple[Event, Delivery]]:
        """Events by what became of them last at a sink, such as dead letters; oldest first."""
        with self._transaction() as connection:
            return _by_last(connection, outcome)

    def resend(self, event_id: str | None = None, sink: str | None = None) -> int:
        """Make dead letters due again: of an event, of a sink, or all; how many there were.

        Raises NotFoundError where an event or sink is named that has none.
        """
        with self._transaction() as connection:
            found = [
                {"event": event.number, "sink": last.sink, "outcome": "resent", "attempt": 0}
                for event, last in _by_last(connection, "dead")
                if event_id in (None, event.id) and sink in (None, last.sink)
            ]
            if not found and (event_id or sink):
                raise NotFoundError(
                    f"no dead letter of {event_id or sink}; `hindcast events dead` lists them"
                )
            for values in found:
                due = {"due_at": func.clock_timestamp()}
                connection.execute(insert(tables.deliveries).values(values | due))
            return len(found)

    def subscribe(self, name: str, url: str, types: Sequence[EventType], by: str) -> Subscription:
        """Keep that events from now on are posted to a URL; InputError where the name is taken."""
        with self._transaction() as connection:
            subscriptions.lock_name(connection, name)
            if subscriptions.find(connection, name):
                raise InputError(f"subscription '{name}' exists; unsubscribe it first")
            return subscriptions.add(connection, name, url, types, by, is_active=True)

    def unsubscribe(self, name: str, by: str) -> Subscription:
        """End a subscription; NotFoundError lists those that there are."""
        with self._transaction() as connection:
            subscriptions.lock_name(connection, name)
            found = subscriptions.find(connection, name)
            if found is None:
                known = ", ".join(one.name for one in subscriptions.active(connection)) or "none"
                raise NotFoundError(f"no subscription '{name}'; there are: {known}")
            ended = (found.name, found.url, found.types, by)
            return subscriptions.add(connection, *ended, is_active=False)

    def subscriptions(self) -> list[Subscription]:
        """Who is subscribed now, by name."""
        with self._transaction() as connection:
            return subscriptions.active(connection)


def _last(sink: str) -> LateralFromClause:
    """The last attempt at each event for a sink."""
    mine = select(tables.deliveries).where(
        _deliveries.event == _events.number, _deliveries.sink == sink
    )
    newest = mine.order_by(_deliveries.number.desc()).limit(1)
    return newest.correlate(tables.events).lateral("last")


def _due(row: Row[Any]) -> Due:
    values = row._asdict()
    attempts = values.pop("attempt") or 0
    return Due(from_values(Event, values), attempts + 1)


def _by_last(connection: Connection, outcome: Outcome) -> list[tuple[Event, Delivery]]:
    by_pair = (_deliveries.sink, _deliveries.event)
    newest = select(tables.deliveries).ext(distinct_on(*by_pair))
    last = newest.order_by(*by_pair, _deliveries.number.desc()).subquery("last")
    rows = connection.execute(
        select(last).where(last.c.outcome == outcome).order_by(last.c.number)
    ).all()
    found = select(tables.events).where(_events.number.in_([row.event for row in rows]))
    events = {row.number: record(Event, row) for row in connection.execute(found)}
    return [(events[row.event], record(Delivery, row)) for row in rows]
