"""Runs in the ledger: a row when one starts, another when it ends."""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, get_args

from sqlalchemy import (
    Boolean,
    Connection,
    Select,
    Text,
    case,
    cast,
    extract,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from hindcast import interruption
from hindcast.errors import (
    ConflictError,
    HindcastError,
    InputError,
    NotFoundError,
    TooSoonError,
    first_line,
)
from hindcast.stores.ledger import documents, events
from hindcast.stores.ledger.events import Announcement
from hindcast.stores.ledger.records import EventType, Run, Status
from hindcast.stores.ledger.tables import run_ends, runs
from hindcast.stores.ledger.transactions import lock, record

# The run that this thread works on, for what else is recorded meanwhile.
current_run: ContextVar[str | None] = ContextVar("current_run", default=None)


def new_id() -> str:
    """An id that no other run has."""
    return uuid.uuid4().hex[:12]


def ids_of_job(job_id: str) -> Iterator[str]:
    """The ids of a job's runs, in the order in which they start; those after these are new ones.

    Of a state machine's job the machine.name itself, then machine.name.2 and so on, so that any
    attempt finds them. Of a process's job its own alone: online tables are named by runs, and
    have no room for more.
    """
    yield job_id
    if "." in job_id:
        yield from (f"{job_id}.{number}" for number in count(2))


@dataclass
class OpenRun:
    """A run under way; what the work puts into inputs and outputs is recorded at its end."""

    kind: str
    id: str = field(default_factory=new_id)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    announcements: list[Announcement] = field(default_factory=list)
    by: str | None = None
    # The machine's steady clock: a run's length must not depend on clocks that are set.
    started: float = field(default_factory=time.monotonic, repr=False)

    def announce(self, type: EventType, subject: str, data: Mapping[str, Any]) -> None:
        """Tell others of what was done, once the run has ended well.

        data: what the type's schema in operations/events/schemas says; no entity's key in it.
        """
        self.announcements.append(Announcement(type, subject, data))


@contextmanager
def working_on(run: OpenRun) -> Iterator[None]:
    """Let what else is recorded meanwhile be this run's."""
    before = current_run.set(run.id)
    try:
        yield
    finally:
        # What is left of a thread that was given up ends in another, where nothing was set.
        with suppress(ValueError):
            current_run.reset(before)


def start(connection: Connection, run: OpenRun) -> None:
    """Record that a run starts."""
    parameters = documents.document(run.parameters)
    values = {"id": run.id, "kind": run.kind, "parameters": parameters, "by": run.by}
    connection.execute(insert(runs).values(values))


def begin(connection: Connection, run: OpenRun) -> None:
    """Start a run under the id that its job gave it, or go on with it where it is open.

    An attempt before this one may have been killed in it. Of one that has ended, this run does the
    work again under an id of its own.
    """
    known = connection.execute(_all().where(runs.c.id == run.id)).one_or_none()
    if known is not None and known.status == "unfinished":
        return
    if known is not None:
        run.id = new_id()
    start(connection, run)


def end(connection: Connection, run: OpenRun, error: BaseException | None) -> None:
    """Record that a run ended, by an error or with none, and what it announces.

    One that others have ended meanwhile, as its job was cancelled, stays as it was ended first.
    """
    seconds = time.monotonic() - run.started
    values = {
        "id": run.id,
        "status": "succeeded" if error is None else "failed",
        "inputs": documents.document(run.inputs),
        "outputs": documents.document(run.outputs),
        "seconds": seconds,
        "error": None if error is None else documents.text(_reason(error)),
        "interrupted": True if error is not None and _is_interruption(error) else None,
    }
    kept = insert(run_ends).values(values).on_conflict_do_nothing()
    if connection.execute(kept.returning(run_ends.c.id)).one_or_none() is None:
        return
    for announcement in run.announcements if error is None else ():
        events.write(connection, announcement)
    ended = (run.id, run.kind, run.parameters, error is not None, seconds)
    events.write(connection, events.run_ended(*ended))


def open_alone(connection: Connection, run: OpenRun, held: Sequence[str]) -> Run:
    """Start a run unless one of its kind that holds the same is unfinished; the one that is open.

    held: parameters whose values no other open run may have; none of them: no other may be open.
    The same id again gives the same run; ConflictError where it has ended.
    """
    lock(connection, f"open runs of {run.kind}")
    known = connection.execute(_all().where(runs.c.id == run.id)).one_or_none()
    if known is not None and known.status != "unfinished":
        raise ConflictError(f"run '{run.id}' has {known.status} already; open one of another id")
    unfinished = _all().where(runs.c.kind == run.kind, outcome == "unfinished")
    same = [runs.c.parameters[name].astext == str(run.parameters[name]) for name in held]
    found = connection.execute(unfinished.where(or_(*same) if same else true())).first()
    if found is None:
        start(connection, run)
    return find(connection, run.id) if found is None else record(Run, found)


def require_apart(connection: Connection, run: OpenRun, apart: timedelta) -> None:
    """Raise TooSoonError where a run of the kind and model has started less than so long ago.

    By the database's clock, and under the lock that every start of such a run takes.
    """
    lock(connection, f"open runs of {run.kind}")
    model = str(run.parameters["model"])
    same = _all().where(runs.c.kind == run.kind, runs.c.parameters["model"].astext == model)
    recent = same.where(runs.c.started_at > func.clock_timestamp() - apart)
    found = connection.execute(recent.order_by(runs.c.number.desc())).first()
    if found is not None:
        raise TooSoonError(
            f"model '{model}': {run.kind} {found.id} started at {found.started_at.isoformat()}, "
            f"and the next may not start within {apart} of it"
        )


def close(
    connection: Connection,
    run_id: str,
    outputs: Mapping[str, Any],
    error: str | None,
    is_interruption: bool = False,
) -> Run:
    """End a run that another process started; one that has ended stays as it was ended first.

    is_interruption: whether that error is that others ended it.
    """
    find(connection, run_id)
    ended = select(
        runs.c.id,
        literal("succeeded" if error is None else "failed"),
        _nothing,
        literal(documents.document(outputs), JSONB),
        # The database's clock on both ends: the processes' own need not agree.
        extract("epoch", func.clock_timestamp() - runs.c.started_at),
        cast(None if error is None else documents.text(error), Text),
        cast(True if is_interruption else None, Boolean),
    ).where(runs.c.id == run_id)
    columns = ("id", "status", "inputs", "outputs", "seconds", "error", "interrupted")
    kept = insert(run_ends).from_select(columns, ended).on_conflict_do_nothing()
    is_first = connection.execute(kept.returning(run_ends.c.id)).one_or_none() is not None
    run = find(connection, run_id)
    if is_first:
        facts = (run.id, run.kind, run.parameters, error is not None, run.seconds)
        events.write(connection, events.run_ended(*facts))
    return run


def close_left(connection: Connection, job_id: str, error: str, is_interruption: bool) -> None:
    """End what a job left open, by an error; is_interruption: whether others ended it."""
    own = or_(runs.c.id == job_id, runs.c.id.startswith(f"{job_id}.", autoescape=True))
    left = select(runs.c.id).join_from(runs, run_ends, isouter=True).where(own)
    for run_id in connection.scalars(left.where(run_ends.c.id.is_(None))).all():
        close(connection, run_id, {}, error, is_interruption)


def newest(
    connection: Connection,
    kind: str | None,
    status: str | None,
    limit: int | None,
    model: str | None = None,
) -> list[Run]:
    """The newest runs of a kind and status, and about a model; or of any."""
    statement = _all().order_by(runs.c.number.desc()).limit(limit)
    if model is not None:
        statement = statement.where(runs.c.parameters["model"].astext == model)
    if kind is not None:
        statement = statement.where(runs.c.kind == kind)
    if status is not None:
        if status not in get_args(Status):
            raise InputError(f"no run is '{status}'; use one of {', '.join(get_args(Status))}")
        statement = statement.where(outcome == status)
    return [record(Run, row) for row in connection.execute(statement)]


def find(connection: Connection, run_id: str) -> Run:
    """The run with this id; NotFoundError."""
    row = connection.execute(_all().where(runs.c.id == run_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"the ledger has no run '{run_id}'; `hindcast runs` lists them")
    return record(Run, row)


outcome = case(
    (run_ends.c.interrupted, "interrupted"),
    else_=func.coalesce(run_ends.c.status, "unfinished"),
)
_nothing = literal({}, JSONB)


def _all() -> Select[Any]:
    return select(
        runs.c.id,
        runs.c.kind,
        outcome.label("status"),
        runs.c.parameters,
        func.coalesce(run_ends.c.inputs, _nothing).label("inputs"),
        func.coalesce(run_ends.c.outputs, _nothing).label("outputs"),
        runs.c.started_at,
        run_ends.c.seconds,
        run_ends.c.error,
        runs.c.by,
    ).join_from(runs, run_ends, isouter=True)


def _is_interruption(error: BaseException) -> bool:
    """Whether others ended the work; libraries say so by errors of their own."""
    told = isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit)
    return told or interruption.received() is not None


def _reason(error: BaseException) -> str:
    if _is_interruption(error):
        return interruption.reason()
    if isinstance(error, HindcastError):
        return first_line(error)
    name, reason = type(error).__name__, first_line(error)
    return name if reason == name else f"{name}: {reason}"
