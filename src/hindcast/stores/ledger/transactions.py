"""Transactions on the ledger: how they open, what they lock, and what their failures mean."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Row, create_engine, text
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.pool import NullPool

from hindcast import names
from hindcast.errors import HindcastError, InputError, StoreUnavailableError, first_line
from hindcast.stores.database import connect

LOCK_WAIT = "30s"
UNDEFINED_TABLE = "42P01"
INSUFFICIENT_PRIVILEGE = "42501"
_LOCK_NOT_AVAILABLE = "55P03"
_MISSING_OR_TAKEN = ("23503", "23505")

Record = TypeVar("Record")


def engine_of(url: str) -> Engine:
    """An engine for a libpq URL, which libpq itself reads.

    No pool: hours of work lie between a run's start and its end, and RDS Proxy pools already.
    """
    return create_engine(
        "postgresql+psycopg://",
        creator=lambda: connect(url),
        poolclass=NullPool,
        # Said in each BEGIN, whatever the server's default: a reader must see what the holder
        # of the lock before it committed.
        isolation_level="READ COMMITTED",
        use_native_hstore=False,
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction, whose failures are Hindcast's errors of one line."""
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise _translated(error) from error


def lock(connection: Connection, name: str) -> None:
    """Wait for a lock of the ledger, held to the end of the transaction."""
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'"))
    key = "hashtextextended('hindcast ledger ' || :name, 0)"
    connection.execute(text(f"SELECT pg_advisory_xact_lock({key})"), {"name": name})


def record(kind: type[Record], row: Row[Any]) -> Record:
    """A row as a dataclass, its instants in UTC whatever the session's time zone."""
    return from_values(kind, row._asdict())


def from_values(kind: type[Record], values: Mapping[str, Any]) -> Record:
    """As `record`, of a row's values by name."""
    return kind(**{name: _in_utc(value) for name, value in values.items()})


def check_instant(name: str, value: datetime) -> None:
    """Raise InputError for an instant that could be any of a day's."""
    if value.tzinfo is None:
        raise InputError(f"{name} {value} needs a time zone")


def sqlstate(error: DBAPIError) -> str | None:
    """Postgres's code of an error."""
    return getattr(error.orig, "sqlstate", None)


def _in_utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _translated(error: DBAPIError) -> HindcastError:
    reason, state = first_line(error.orig or error), sqlstate(error)
    if state == _LOCK_NOT_AVAILABLE:
        return StoreUnavailableError(
            f"another writer held the ledger longer than {LOCK_WAIT}; run it again"
        )
    if state == INSUFFICIENT_PRIVILEGE:
        return HindcastError(
            f"Postgres: {reason}; members of role {names.LEDGER_WRITER} may read and add"
        )
    if state in _MISSING_OR_TAKEN:
        diagnosis: Any = getattr(error.orig, "diag", None)
        return InputError(f"ledger.{diagnosis.table_name}: {diagnosis.message_detail}")
    if isinstance(error, DataError | IntegrityError):
        return InputError(f"Postgres: {reason}")
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return StoreUnavailableError(f"Postgres: {reason}")
    return HindcastError(f"Postgres: {reason}")
