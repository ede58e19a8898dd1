"""Jobs and their schedules in the ledger: a row when one is asked for, starts, and ends."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Text, case, cast, extract, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB, distinct_on, insert

from hindcast.errors import ConflictError, NotFoundError
from hindcast.stores.ledger import documents
from hindcast.stores.ledger.records import Ending, Job, JobSchedule, Work
from hindcast.stores.ledger.runs import close_left, outcome
from hindcast.stores.ledger.tables import job_ends, job_starts, jobs, run_ends, runs, schedules
from hindcast.stores.ledger.transactions import record

# The runner whose jobs are executions of state machines, which close their runs themselves.
STATE_MACHINES = "state machines"


class Jobs:
    """The jobs of one ledger; every method is one transaction and raises what a Ledger does."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._transaction = transaction

    def add(
        self,
        job_id: str,
        command: str,
        parameters: Mapping[str, Any],
        runner: str,
        by: str,
        retries: str | None = None,
    ) -> Job:
        """Queue a job; the same id again is the same job, ConflictError where it asks for other."""
        values = {
            "id": job_id,
            "command": command,
            "parameters": documents.document(parameters),
            "runner": runner,
            "by": documents.text(by),
            "retries": retries,
        }
        with self._transaction() as connection:
            connection.execute(insert(jobs).values(values).on_conflict_do_nothing())
            found = _job(connection, job_id)
        if (found.command, found.parameters) != (command, values["parameters"]):
            raise ConflictError(f"job '{job_id}' is another {found.command}; give another key")
        return found

    def find(self, job_id: str) -> Job:
        """The job with this id; NotFoundError."""
        with self._transaction() as connection:
            return _job(connection, job_id)

    def open(self, runner: str) -> list[Job]:
        """The jobs of a runner that have not ended, the oldest first."""
        mine = _jobs().where(jobs.c.runner == runner, job_ends.c.job.is_(None))
        with self._transaction() as connection:
            rows = connection.execute(mine.order_by(jobs.c.number))
            return [record(Job, row) for row in rows]

    def start(self, job_id: str, pid: int | None = None) -> None:
        """Record that a job starts; the first start counts."""
        values = {"job": job_id, "pid": pid}
        with self._transaction() as connection:
            connection.execute(insert(job_starts).values(values).on_conflict_do_nothing())

    def end(self, job_id: str, status: Ending, error: str | None = None) -> bool:
        """Record how a job ended, and end what it left open; whether this end is the first.

        The first counts. What a schedule started on AWS is no job of the ledger, but has runs.
        """
        reason = error and documents.text(error)
        ended = select(jobs.c.id, literal(status), cast(reason, Text)).where(jobs.c.id == job_id)
        statement = insert(job_ends).from_select(["job", "status", "error"], ended)
        kept = statement.on_conflict_do_nothing().returning(job_ends.c.job)
        with self._transaction() as connection:
            row = connection.execute(kept).one_or_none()
            close_left(connection, job_id, reason or _GONE_ON, status == "interrupted")
            return row is not None

    def work(
        self,
        kind: str | None = None,
        status: str | None = None,
        before: tuple[datetime, str] | None = None,
        limit: int = 50,
    ) -> list[Work]:
        """Runs and jobs, the newest first; before: the instant and id of the last one seen."""
        statement = _work().order_by(_at.desc(), _id.desc()).limit(limit)
        if kind is not None:
            statement = statement.where(_kind == kind)
        if status is not None:
            statement = statement.where(_status == status)
        if before is not None:
            statement = statement.where(tuple_(_at, _id) < tuple_(*map(literal, before)))
        with self._transaction() as connection:
            return [record(Work, row) for row in connection.execute(statement)]

    def find_work(self, run_id: str) -> Work:
        """The run or job with this id; NotFoundError."""
        with self._transaction() as connection:
            row = connection.execute(_work().where(_id == run_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no run '{run_id}'")
        return record(Work, row)

    def requested_by(self, release: str) -> list[str]:
        """Who asked for the jobs that made a release."""
        made = run_ends.c.outputs["release"].astext == release
        statement = select(jobs.c.by).join(run_ends, run_ends.c.id == jobs.c.id).where(made)
        with self._transaction() as connection:
            return list(connection.scalars(statement))

    def schedule(
        self, name: str, cron: str, paused: bool, parameters: Mapping[str, Any], by: str
    ) -> JobSchedule:
        """Record when a job starts by itself from now on."""
        values = {
            "name": name,
            "cron": cron,
            "paused": paused,
            "parameters": documents.document(parameters),
            "by": documents.text(by),
        }
        statement = insert(schedules).values(values).returning(*_SCHEDULE)
        with self._transaction() as connection:
            return record(JobSchedule, connection.execute(statement).one())

    def schedules(self) -> list[JobSchedule]:
        """Every schedule as it was put last, by name."""
        newest = select(*_SCHEDULE).ext(distinct_on(schedules.c.name))
        statement = newest.order_by(schedules.c.name, schedules.c.number.desc())
        with self._transaction() as connection:
            return [record(JobSchedule, row) for row in connection.execute(statement)]


_SCHEDULE = [column for column in schedules.c if column.name != "number"]
_GONE_ON = "interrupted: an attempt after it did the work"
_nothing = literal({}, JSONB)
_id = func.coalesce(jobs.c.id, runs.c.id)
_kind = func.coalesce(jobs.c.command, runs.c.kind)
_at = func.coalesce(jobs.c.requested_at, runs.c.started_at)
_began = func.coalesce(job_starts.c.started_at, runs.c.started_at)
_seconds = extract("epoch", job_ends.c.ended_at - _began)
_waits = case((job_starts.c.job.is_(None), "queued"), else_="running")
_of_job = func.coalesce(job_ends.c.status, _waits)  # A job may go on after its first run.
_status = case((jobs.c.id.is_(None), outcome), else_=_of_job)


def _work() -> Select[Any]:
    return select(
        _id.label("id"),
        _kind.label("kind"),
        _status.label("status"),
        func.coalesce(runs.c.parameters, jobs.c.parameters).label("parameters"),
        func.coalesce(run_ends.c.inputs, _nothing).label("inputs"),
        func.coalesce(run_ends.c.outputs, _nothing).label("outputs"),
        _at.label("requested_at"),
        _began.label("started_at"),
        func.coalesce(_seconds, run_ends.c.seconds).label("seconds"),
        case((job_ends.c.job.is_(None), run_ends.c.error), else_=job_ends.c.error).label("error"),
        func.coalesce(jobs.c.by, runs.c.by).label("by"),
        jobs.c.runner,
        jobs.c.retries,
    ).select_from(
        runs.outerjoin(jobs, jobs.c.id == runs.c.id, full=True)
        .outerjoin(run_ends, run_ends.c.id == runs.c.id)
        .outerjoin(job_starts, job_starts.c.job == jobs.c.id)
        .outerjoin(job_ends, job_ends.c.job == jobs.c.id)
    )


def _jobs() -> Select[Any]:
    columns = [column for column in jobs.c if column.name != "number"]
    status = func.coalesce(job_ends.c.status, _waits).label("status")
    return select(*columns, job_starts.c.pid, status).select_from(
        jobs.outerjoin(job_starts).outerjoin(job_ends, job_ends.c.job == jobs.c.id)
    )


def _job(connection: Connection, job_id: str) -> Job:
    row = connection.execute(_jobs().where(jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no job '{job_id}'")
    return record(Job, row)
