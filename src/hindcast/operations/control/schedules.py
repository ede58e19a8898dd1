"""When jobs start by themselves, on one machine: cron in UTC, kept in the ledger."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from croniter import croniter

from hindcast.errors import HindcastError
from hindcast.operations.control.documents import ScheduleDocument
from hindcast.serving.requests import RequestError
from hindcast.stores.ledger import JobSchedule, Ledger

_FIELDS = 5
_LOOK = timedelta(minutes=1)  # How long at most until the ledger is looked at.


class Schedules(Protocol):
    """What starts jobs by itself."""

    def all(self, now: datetime) -> list[ScheduleDocument]:
        """Every schedule, by name."""

    def put(
        self, job: str, cron: str, paused: bool, parameters: Mapping[str, Any], by: str
    ) -> ScheduleDocument:
        """Start a job by a cron expression from now on, or pause it; raises RequestError."""


class LocalSchedules:
    """Starts the jobs of one home, while it is open; what was due while it was not stays undone.

    check: a job's parameters, complete, or RequestError. start: given a schedule and the instant
    that it was due at.
    """

    def __init__(
        self,
        ledger: Ledger,
        check: Callable[[str, Mapping[str, Any]], Mapping[str, Any]],
        start: Callable[[JobSchedule, datetime], None],
    ) -> None:
        self._ledger, self._check, self._start = ledger, check, start
        self._change = threading.Condition()
        self._closed = False

    def all(self, now: datetime) -> list[ScheduleDocument]:
        """Every schedule, by name."""
        return [_document(each, now) for each in self._ledger.jobs.schedules()]

    def put(
        self, job: str, cron: str, paused: bool, parameters: Mapping[str, Any], by: str
    ) -> ScheduleDocument:
        """Start a job by a cron expression from now on, or pause it; raises RequestError."""
        require_cron(cron)
        given = self._check(job, parameters)
        kept = self._ledger.jobs.schedule(job, cron, paused, given, by)
        with self._change:
            self._change.notify_all()
        return _document(kept, datetime.now(UTC))

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Start what is due until the with ends."""
        thread = threading.Thread(target=self._run, args=(datetime.now(UTC),), daemon=True)
        thread.start()
        try:
            yield
        finally:
            with self._change:
                self._closed = True
                self._change.notify_all()
            thread.join()

    def start_due(self, since: datetime, now: datetime) -> datetime:
        """Start what became due after one instant, until another; when to look next."""
        nearest = now + _LOOK
        for schedule in self._ledger.jobs.schedules():
            if schedule.paused:
                continue
            due = croniter(schedule.cron, now).get_prev(datetime)
            if max(since, schedule.changed_at) < due:
                self._start(schedule, due)
            nearest = min(nearest, croniter(schedule.cron, now).get_next(datetime))
        return nearest

    def _run(self, since: datetime) -> None:
        while not self._closed:
            now = datetime.now(UTC)
            try:
                until = self.start_due(since, now)
            except HindcastError as error:
                sys.stderr.write(f"hindcast: schedules: {error}\n")
                until = now + _LOOK
            else:
                since = now
            with self._change:
                if not self._closed:
                    self._change.wait(max((until - datetime.now(UTC)).total_seconds(), 0))


def require_cron(cron: str) -> None:
    """Raise RequestError for what is no cron expression of five fields."""
    if len(cron.split()) != _FIELDS or not croniter.is_valid(cron):
        message = "is no cron expression of five fields, such as '0 2 * * *'"
        raise RequestError(422, "cron", message)


def _document(schedule: JobSchedule, now: datetime) -> ScheduleDocument:
    following = None if schedule.paused else croniter(schedule.cron, now).get_next(datetime)
    return ScheduleDocument(
        job=schedule.name,
        cron=schedule.cron,
        paused=schedule.paused,
        parameters=schedule.parameters,
        by=schedule.by,
        next_at=following,
    )
