"""Subscriptions in the ledger: a row when one begins, another when it ends; the last one counts."""

from collections.abc import Sequence

from sqlalchemy import Connection, Select, insert, select
from sqlalchemy.dialects.postgresql import distinct_on

from hindcast.stores.ledger.records import EventType, Subscription
from hindcast.stores.ledger.tables import subscriptions
from hindcast.stores.ledger.transactions import lock, record

_COLUMNS = [column for column in subscriptions.c if column.name not in ("number", "is_active")]


def lock_name(connection: Connection, name: str) -> None:
    """Let nobody else begin or end a subscription of this name until the transaction ends."""
    lock(connection, f"subscription {name}")


def add(
    connection: Connection,
    name: str,
    url: str,
    types: Sequence[EventType],
    by: str,
    is_active: bool,
) -> Subscription:
    """Record that a subscription begins or ends."""
    values = {"name": name, "url": url, "types": list(types), "by": by, "is_active": is_active}
    statement = insert(subscriptions).values(values).returning(*_COLUMNS)
    return record(Subscription, connection.execute(statement).one())


def find(connection: Connection, name: str) -> Subscription | None:
    """The subscription of this name, unless it has ended."""
    row = connection.execute(_active().where(_newest.c.name == name)).one_or_none()
    return None if row is None else record(Subscription, row)


def active(connection: Connection) -> list[Subscription]:
    """Those that have not ended, by name."""
    rows = connection.execute(_active().order_by(_newest.c.name))
    return [record(Subscription, row) for row in rows]


_newest = (
    select(subscriptions)
    .ext(distinct_on(subscriptions.c.name))
    .order_by(subscriptions.c.name, subscriptions.c.number.desc())
    .subquery("newest")
)


def _active() -> Select[tuple[object, ...]]:
    return select(*(_newest.c[column.name] for column in _COLUMNS)).where(_newest.c.is_active)
