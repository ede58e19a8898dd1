"""Releases and their evaluations in the ledger."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Text, cast, func, insert, or_, select

from hindcast.errors import InputError, NotFoundError
from hindcast.serving.release import short
from hindcast.stores.ledger import events, tables
from hindcast.stores.ledger.records import Evaluation, ReleaseRecord
from hindcast.stores.ledger.transactions import lock, record

LISTED = 10


def add(
    connection: Connection, model: str, release: str, facts: Mapping[str, Any]
) -> ReleaseRecord:
    """Record a release under the model's next version, or give it as it was recorded.

    facts: manifest, metrics, location, run_id.
    """
    table = tables.releases
    lock(connection, f"releases of {model}")
    mine = select(table).where(table.c.model == model, table.c.release == release)
    row = connection.execute(mine).one_or_none()
    if row is not None:
        return record(ReleaseRecord, row)
    last = select(func.coalesce(func.max(table.c.version), 0)).where(table.c.model == model)
    version = last.scalar_subquery() + 1
    values = {"model": model, "release": release, "version": version, **facts}
    row = connection.execute(insert(table).values(values).returning(table)).one()
    added = record(ReleaseRecord, row)
    events.write(connection, events.release_added(added))
    return added


def newest(
    connection: Connection, model: str | None, limit: int | None = None
) -> list[ReleaseRecord]:
    """Releases of a model, or of all, newest first."""
    table = tables.releases
    statement = select(table).limit(limit)
    if model is None:
        statement = statement.order_by(table.c.created_at.desc(), table.c.version.desc())
    else:
        statement = statement.where(table.c.model == model).order_by(table.c.version.desc())
    return [record(ReleaseRecord, row) for row in connection.execute(statement)]


def find(connection: Connection, model: str, name: str) -> ReleaseRecord:
    """The release of a model by its id, its version, or how its id and no other begins.

    NotFoundError lists what exists, InputError the releases whose ids begin so.
    """
    table = tables.releases
    # As text, so that no number is too large.
    named = or_(table.c.release == name, cast(table.c.version, Text) == name)
    if name.startswith(f"{model}-"):
        named = or_(named, func.starts_with(table.c.release, name))
    statement = select(table).where(table.c.model == model, named)
    # An id that looks like a version wins over the version.
    by_id = statement.order_by((table.c.release == name).desc(), table.c.version)
    rows = connection.execute(by_id.limit(LISTED)).all()
    if not rows:
        raise NotFoundError(_missing(model, name, newest(connection, model, LISTED + 1)))
    if len(rows) > 1 and name not in (rows[0].release, str(rows[0].version)):
        listed = ", ".join(row.release for row in rows)
        raise InputError(f"release '{name}' of model '{model}' may be any of {listed}; write more")
    return record(ReleaseRecord, rows[0])


def add_evaluation(connection: Connection, facts: Mapping[str, Any]) -> Evaluation:
    """Record an evaluation; facts: what an Evaluation has, but its number and instant."""
    table = tables.evaluations
    row = connection.execute(insert(table).values(facts).returning(table)).one()
    added = record(Evaluation, row)
    if not added.passed:
        events.write(connection, events.refused(added))
    return added


def last_evaluation(connection: Connection, model: str, release: str) -> Evaluation | None:
    """The newest evaluation of a release as the challenger."""
    table = tables.evaluations
    mine = select(table).where(table.c.model == model, table.c.challenger == release)
    row = connection.execute(mine.order_by(table.c.number.desc()).limit(1)).one_or_none()
    return None if row is None else record(Evaluation, row)


def _missing(model: str, name: str, existing: list[ReleaseRecord]) -> str:
    if not existing:
        return f"model '{model}' has no release '{name}'; it has none at all, so train it first"
    listed = ", ".join(f"{found.version} ({short(found.release)})" for found in existing[:LISTED])
    more = ", and older ones" if len(existing) > LISTED else ""
    return f"model '{model}' has no release '{name}'; it has {listed}{more}"
