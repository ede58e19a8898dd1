"""Heartbeats: by whom a run is done, and that it still is; and the end of runs that nobody does."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import Connection, extract, func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on

from hindcast.errors import HindcastError
from hindcast.stores.ledger import runs
from hindcast.stores.ledger.processes import Process, this_process
from hindcast.stores.ledger.tables import heartbeats, run_ends
from hindcast.stores.ledger.tables import runs as begun

Transaction = Callable[[], AbstractContextManager[Connection]]

BEAT_SECONDS = 60.0
# A process that nobody here can look at is given up after so long without a word.
SILENT_SECONDS = 300.0
LOST = "interrupted: its process ended without a word"
SILENT = f"interrupted: its process was not heard of for {SILENT_SECONDS:.0f} s"


def beat(connection: Connection, run_id: str) -> None:
    """Record that this process does a run."""
    values = {"run_id": run_id, "process": this_process().document}
    connection.execute(insert(heartbeats).values(values))


@contextmanager
def beating(transaction: Transaction, run_id: str) -> Iterator[None]:
    """Until the with ends, record now and then that this process does a run."""
    stopping = threading.Event()

    def go_on() -> None:
        while not stopping.wait(BEAT_SECONDS):
            try:
                with transaction() as connection:
                    beat(connection, run_id)
            except HindcastError:
                continue  # An outage; the run itself says so at its end.

    thread = threading.Thread(target=go_on, name=f"heartbeat of {run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()


def lost(connection: Connection) -> dict[str, str]:
    """The open runs that no process does any more, each with how that is known.

    One that is of several processes, as it is opened by one and closed by another, has no heartbeat
    and is never lost.
    """
    silence = extract("epoch", func.clock_timestamp() - heartbeats.c.beat_at)
    newest = (
        select(heartbeats.c.run_id, heartbeats.c.process, silence)
        .ext(distinct_on(heartbeats.c.run_id))
        .join(begun, begun.c.id == heartbeats.c.run_id)
        .join(run_ends, run_ends.c.id == begun.c.id, isouter=True)
        .where(run_ends.c.id.is_(None))
        .order_by(heartbeats.c.run_id, heartbeats.c.number.desc())
    )
    found = {run_id: _why(*told) for run_id, *told in connection.execute(newest)}
    return {run_id: why for run_id, why in found.items() if why is not None}


def close(connection: Connection, found: Mapping[str, str]) -> None:
    """End runs that are lost; the first end counts."""
    for run_id, why in found.items():
        runs.close(connection, run_id, {}, why, is_interruption=True)


def _why(process: Mapping[str, Any], silence: float) -> str | None:
    """How it is known that a process does its run no more; None where it may."""
    known = Process.of(process)
    if known.is_here:
        return None if known.is_running else LOST
    return SILENT if silence > SILENT_SECONDS else None
