"""Events in the outbox: each is written in the transaction of the entry that it tells of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from hindcast.stores.ledger import documents, tables
from hindcast.stores.ledger.records import Evaluation, EventType, Promotion, ReleaseRecord

# What a run was about, among its parameters; the others may name a file or an entity.
_ABOUT = ("model", "view", "source", "release")


@dataclass(frozen=True)
class Announcement:
    """An event that is yet to be written."""

    type: EventType
    subject: str
    data: Mapping[str, Any] = field(default_factory=dict)


def write(connection: Connection, announcement: Announcement, id: str | None = None) -> None:
    """Keep an event for the relay to deliver, if this transaction commits.

    id: of what may be written again; the event that has it stays.
    """
    values = {
        **({} if id is None else {"id": id}),
        "type": announcement.type,
        "subject": documents.text(announcement.subject),
        "data": documents.document(announcement.data),
    }
    connection.execute(insert(tables.events).values(values).on_conflict_do_nothing())


def run_ended(
    run_id: str, kind: str, parameters: Mapping[str, Any], failed: bool, seconds: float | None
) -> Announcement:
    """RunFinished or RunFailed; why it failed stays in the ledger, as it may quote a value."""
    about = {name: str(parameters[name]) for name in _ABOUT if parameters.get(name) is not None}
    data = {"run": run_id, "kind": kind, "seconds": seconds, **about}
    return Announcement("RunFailed" if failed else "RunFinished", run_id, data)


def release_added(record: ReleaseRecord) -> Announcement:
    """ReleaseReady."""
    data = {
        "model": record.model,
        "release": record.release,
        "version": record.version,
        "run": record.run_id,
    }
    return Announcement("ReleaseReady", record.model, data)


def refused(evaluation: Evaluation) -> Announcement:
    """GateRefused, with the checks that failed."""
    data = {
        "model": evaluation.model,
        "release": evaluation.challenger,
        "champion": evaluation.champion,
        "evaluation": evaluation.number,
        "failures": [
            f"{check['name']}: {check['found']}, required: {check['required']}"
            for check in evaluation.verdict.get("checks", [])
            if check["passed"] is False
        ],
        "run": evaluation.run_id,
    }
    return Announcement("GateRefused", evaluation.model, data)


def promoted(connection: Connection, promotion: Promotion) -> Announcement:
    """Promoted or RolledBack, with the release that it replaces."""
    data = {
        "model": promotion.model,
        "release": promotion.release,
        "replaces": _release_of(connection, promotion.follows),
        "promotion": promotion.number,
        "forced": promotion.forced,
        "by": promotion.by,
    }
    kind: EventType = "RolledBack" if promotion.action == "rollback" else "Promoted"
    return Announcement(kind, promotion.model, data)


def _release_of(connection: Connection, promotion: int | None) -> str | None:
    if promotion is None:
        return None
    table = tables.promotions
    return connection.scalar(select(table.c.release).where(table.c.number == promotion))
