"""Promotions in the ledger: per model one chain, each link following the one before it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from hindcast.errors import ConflictError
from hindcast.stores.ledger import events, releases
from hindcast.stores.ledger.records import Promotion
from hindcast.stores.ledger.tables import ONE_FOLLOWER, promotions
from hindcast.stores.ledger.transactions import lock, record

_DONE = {"promote": "promoted", "rollback": "rolled back to"}


def add(connection: Connection, model: str, release: str, facts: Mapping[str, Any]) -> Promotion:
    """Add a promotion unless another follows the same one already: then ConflictError.

    facts: follows, action, forced, reason, evaluation, by.
    """
    found = releases.find(connection, model, release)
    lock(connection, f"promotions of {model}")
    statement = insert(promotions).values(model=model, release=found.release, **facts)
    # The constraint decides, also against a writer that does not take the lock.
    statement = statement.on_conflict_do_nothing(constraint=ONE_FOLLOWER)
    row = connection.execute(statement.returning(promotions)).one_or_none()
    if row is None:
        raise _conflict(in_production(connection, model, None))
    added = record(Promotion, row)
    events.write(connection, events.promoted(connection, added))
    return added


def in_production(connection: Connection, model: str, at: datetime | None) -> Promotion | None:
    """The promotion in force at an instant, its own included, or now."""
    statement = select(promotions).where(promotions.c.model == model)
    if at is not None:
        statement = statement.where(promotions.c.promoted_at <= at)
    # Within a model the instants increase with the numbers.
    newest = statement.order_by(promotions.c.promoted_at.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return None if row is None else record(Promotion, row)


def newest(connection: Connection, model: str | None) -> list[Promotion]:
    """Promotions of a model, or of all, newest first."""
    statement = select(promotions).order_by(promotions.c.number.desc())
    if model is not None:
        statement = statement.where(promotions.c.model == model)
    return [record(Promotion, row) for row in connection.execute(statement)]


def _conflict(winner: Promotion | None) -> ConflictError:
    assert winner is not None, "only a promotion can stand in another's way"
    return ConflictError(
        f"{winner.by} {_DONE[winner.action]} release '{winner.release}' of model "
        f"'{winner.model}' meanwhile, at {winner.promoted_at.isoformat()}; "
        "look at it, and run again if yours should still follow"
    )
