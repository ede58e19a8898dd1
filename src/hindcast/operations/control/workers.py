"""Jobs on one machine: a process each, so many at once, the ledger as their record."""

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hindcast import names
from hindcast.errors import ConflictError, HindcastError, NotFoundError, StoreUnavailableError
from hindcast.operations.control.jobs import Observed
from hindcast.settings import Settings
from hindcast.stores.ledger import LOST, Ending, Job, Ledger

AT_ONCE = 2
GRACE_SECONDS = 5.0  # What is told to end gets so long before it is killed.
_BY_SIGNAL = (
    128  # A process that is told to end by a signal ends with so much more than its number.
)
_TAIL_BYTES, _TAIL_LINES = 64 * 1024, 100
_PROGRESS = re.compile(r"^progress: (.*)$", re.MULTILINE)
_FAILURE = re.compile(r"^hindcast: (?!warning: )(.*)$", re.MULTILINE)
STOPPED = "interrupted: the server that ran it was stopped"


class Workers:
    """Does the jobs of one home in processes of their own, each in its own process group.

    A process holds a lock on its log as long as it lives: whoever gets the lock knows that it has
    ended. So a server finds out what became of the jobs that the one before it left.
    """

    def __init__(self, settings: Settings, ledger: Ledger, at_once: int = AT_ONCE) -> None:
        self.name = f"{socket.gethostname()}:{settings.home}"
        self._settings, self._ledger, self._at_once = settings, ledger, at_once
        self._folder = settings.home / "jobs"
        self._working: dict[str, int] = {}  # Job -> its process group.
        self._change = threading.Condition()
        self._stopping = False

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Do jobs until the with ends; those that work then are interrupted.

        Raises ConflictError where another server does the jobs of this home.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "server.lock").open("a") as lock:
            if not _locked(lock.fileno()):
                raise ConflictError(
                    f"another server does the jobs of {self._settings.home}; stop it first"
                )
            self._go_on()
            try:
                yield
            finally:
                self._stop()

    def run_id(self, command: str, parameters: Mapping[str, Any], unique: str) -> str:
        """The id of a job's run: the unique text itself."""
        return unique

    def submit(self, job: Job) -> None:
        """Start a job, or leave it in the ledger until another has ended."""
        self._go_on()

    def cancel(self, job: Job, reason: str) -> None:
        """Record that a job is cancelled, and end its processes."""
        with self._change:
            self._ledger.jobs.end(job.id, "cancelled", reason)
            group = self._working.get(job.id)
        if group is not None:
            threading.Thread(target=self._end_group, args=(job.id, group), daemon=True).start()

    def observe(self, job: Job) -> Observed:
        """The end of a job's log, and the last step that it tells of."""
        text = self._tail(job.id)
        steps = _PROGRESS.findall(text)
        lines = [line for line in text.splitlines() if not line.startswith("progress: ")]
        return Observed(steps[-1] if steps else None, tuple(lines[-_TAIL_LINES:]))

    def _go_on(self) -> None:
        """Start what waits, as far as there is room; watch what works already."""
        with self._change:
            for job in () if self._stopping else self._ledger.jobs.open(self.name):
                if job.id in self._working:
                    continue
                if job.status == "running":
                    self._follow(job)
                elif len(self._working) < self._at_once:
                    self._begin(job)

    def _go_on_at_last(self) -> None:
        """Start what waits, as soon as the ledger answers."""
        while not self._stopping:
            try:
                self._go_on()
            except StoreUnavailableError:
                with self._change:
                    self._change.wait(GRACE_SECONDS)
            else:
                return

    def _begin(self, job: Job) -> None:
        with self._log(job.id) as log:
            # Held already where a server was killed between the start and its record.
            if not _locked(log):
                self._follow(job)
                return
            process = subprocess.Popen(
                [sys.executable, "-m", "hindcast", "job", job.id],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(job),
                start_new_session=True,
            )
        self._ledger.jobs.start(job.id, process.pid)
        self._watch(job, process.pid, process)

    def _follow(self, job: Job) -> None:
        """Watch a process that another server started."""
        self._watch(job, job.pid or 0, None)

    def _watch(self, job: Job, group: int, process: "subprocess.Popen[bytes] | None") -> None:
        self._working[job.id] = group
        threading.Thread(target=self._wait, args=(job, process), daemon=True).start()

    def _wait(self, job: Job, process: "subprocess.Popen[bytes] | None") -> None:
        try:
            if process is None:
                self._wait_for_lock(job.id)
            self._finish(job, None if process is None else _ended(process))
        except HindcastError as error:
            sys.stderr.write(f"hindcast: job {job.id} ended, unrecorded: {error}\n")
        finally:
            with self._change:
                del self._working[job.id]
                self._change.notify_all()
        self._go_on_at_last()

    def _wait_for_lock(self, job_id: str) -> None:
        with self._log(job_id) as log:
            fcntl.flock(log, fcntl.LOCK_EX)

    def _finish(self, job: Job, code: int | None) -> None:
        """Record how a job ended; runs that its process left open end as well."""
        self._ledger.jobs.end(job.id, *self._outcome(job, code))

    def _outcome(self, job: Job, code: int | None) -> tuple[Ending, str | None]:
        """The status and the reason of a process's end; code: None of one that is not our child."""
        if self._stopping and code != 0:
            return "interrupted", STOPPED
        if code is None:
            return self._told(job)
        if code == 0:
            return "succeeded", None
        if number := _signal_of(code):
            return "interrupted", f"interrupted: its process was ended by signal {number}"
        reasons = _FAILURE.findall(self._tail(job.id))
        return "failed", reasons[-1] if reasons else f"it ended with {code}; its log says more"

    def _told(self, job: Job) -> tuple[Ending, str | None]:
        """What the ledger says of a run whose process nobody saw end."""
        try:
            run = self._ledger.find_run(job.id)
        except NotFoundError:
            return "interrupted", LOST
        return ("interrupted", LOST) if run.status == "unfinished" else (run.status, run.error)

    def _environment(self, job: Job) -> dict[str, str]:
        given = {
            names.ENV_HOME: self._settings.home,
            names.ENV_PROJECT: self._settings.project,
            names.ENV_DATABASE_URL: self._settings.database_url,
            names.ENV_RUN_ID: job.id,
            names.ENV_BY: job.by,
        }
        return {**os.environ, **{name: str(value) for name, value in given.items() if value}}

    @contextmanager
    def _log(self, job_id: str) -> Iterator[int]:
        handle = os.open(self._path(job_id), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            yield handle
        finally:
            os.close(handle)

    def _path(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.log"

    def _tail(self, job_id: str) -> str:
        try:
            with self._path(job_id).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _TAIL_BYTES))
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def _end_group(self, job_id: str, group: int) -> None:
        """Tell a process group to end, and kill it where it does not."""
        _signal(group, signal.SIGTERM)
        with self._change:
            ended = self._change.wait_for(lambda: job_id not in self._working, GRACE_SECONDS)
        if not ended:
            _signal(group, signal.SIGKILL)

    def _stop(self) -> None:
        with self._change:
            self._stopping = True
            working = dict(self._working)
        for job_id, group in working.items():
            self._end_group(job_id, group)
        with self._change:
            self._change.wait_for(lambda: not self._working, GRACE_SECONDS)


def _signal_of(code: int) -> int | None:
    """The signal that ended a process, at once or as it was told; None where none did."""
    if code < 0:
        return -code
    return code - _BY_SIGNAL if code > _BY_SIGNAL else None


def _locked(handle: int) -> bool:
    """Whether the lock on an open file is ours now."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ended(process: "subprocess.Popen[bytes]") -> int:
    """The exit code of a process, once whatever it left in its group is gone as well."""
    # Not reaped yet, so that its number can be no other group's.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    _signal(process.pid, signal.SIGKILL)
    return process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if group > 1:
            os.killpg(group, number)
