"""A run from its start to its end, around the work of a with statement."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection

from hindcast.errors import HindcastError, StoreUnavailableError, first_line
from hindcast.stores.ledger import heartbeats, runs
from hindcast.stores.ledger.heartbeats import Transaction
from hindcast.stores.ledger.runs import OpenRun


@contextmanager
def recorded(
    transaction: Transaction,
    keep_head: Callable[[], None],
    run: OpenRun,
    start: Callable[[Connection, OpenRun], None],
) -> Iterator[OpenRun]:
    """Record a run's start, that it goes on, and its end; end others that were lost as well."""
    with transaction() as connection:
        start(connection, run)
        heartbeats.beat(connection, run.id)
        left = heartbeats.lost(connection)
    with suppress(HindcastError):  # Others may do it as well.
        close(transaction, left)
    try:
        with heartbeats.beating(transaction, run.id), runs.working_on(run):
            yield run
    except BaseException as error:
        # Whatever goes wrong here matters less than the error under way.
        with suppress(Exception):
            with transaction() as connection:
                runs.end(connection, run, error)
            keep_head()
        raise
    _end(transaction, keep_head, run)


def close_lost(transaction: Transaction) -> int:
    """End the runs that no process does any more; how many there were."""
    with transaction() as connection:
        left = heartbeats.lost(connection)
    close(transaction, left)
    return len(left)


def close(transaction: Transaction, left: dict[str, str]) -> None:
    """End runs that are lost, where there are any."""
    if left:
        with transaction() as connection:
            heartbeats.close(connection, left)


def _end(transaction: Transaction, keep_head: Callable[[], None], run: OpenRun) -> None:
    try:
        with transaction() as connection:
            runs.end(connection, run, None)
        keep_head()
    except HindcastError as error:
        raise StoreUnavailableError(
            f"run {run.id} ({run.kind}) did its work, but the ledger does not have its end: "
            f"{first_line(error)}"
        ) from error
