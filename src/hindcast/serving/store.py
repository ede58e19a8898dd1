"""The online store as serving reads it: one connection, and prepared SELECTs."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.numeric import Int8

from hindcast import names
from hindcast.errors import (
    FeatureError,
    InputError,
    NotMaterializedError,
    StoreUnavailableError,
    first_line,
)
from hindcast.serving import iam
from hindcast.serving.requests import Question
from hindcast.settings import Settings

Row = dict[str, Any]  # The values of the SELECT's columns by their names.
Cursor = psycopg.Cursor[tuple[Any, ...]]
T = TypeVar("T")

# A lock on what is read, or a server that says nothing, is a 503 within two seconds.
_LIMITS = "-c lock_timeout=500 -c statement_timeout=1000"
SILENCE_SECONDS = 1.5
# Who waits behind a read that took too long is answered at once, and not by a wait of its own.
REST_SECONDS = 1.0

# Options of the client's socket, not of the session: settings made with SET would pin the
# connection of an RDS Proxy to this process. A silent server is given up within seconds, unless
# the URL says otherwise.
_CONNECT: Mapping[str, int] = {
    "connect_timeout": 2,
    "tcp_user_timeout": 3000,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
}

# What a connection that was good before may answer after a restart, a failover or a proxy's
# switch of servers. A new connection, with nothing prepared, deserves one more try.
_STALE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.FeatureNotSupported,
    psycopg.errors.InvalidSqlStatementName,
)
# What took too long once would take as long again.
_LATE = (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable)
# A parameter of a statement; or a percent sign of its own.
PARAMETER = re.compile(r"%(?:%|\((\w+)\)s)")
# Nothing is materialized of what is asked for, or it may not be read.
MISSING = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.InsufficientPrivilege,
)


class SilentError(psycopg.OperationalError):
    """Raised when the server says nothing for SILENCE_SECONDS, though it is connected."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that does not wait for a silent server."""

    def wait(
        self, gen: PQGen[T], interval: float = SILENCE_SECONDS, timeout: float | None = None
    ) -> T:
        """What the driver's steps give; raises SilentError."""
        return super().wait(_heard(gen), interval, timeout)


class Database:
    """A connection that opens at its first use; not safe for use by several threads at once.

    by_iam: sign a token for each connection in place of a password, and require TLS. It is for an
    RDS Proxy, which takes no options: there the limits are those of the user.
    """

    def __init__(
        self, url: str, by_iam: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        conninfo = _conninfo(url, {} if by_iam else {"options": _LIMITS})
        self._conninfo = iam.secured(conninfo) if by_iam else conninfo
        self._password = iam.passwords(conninfo) if by_iam else None
        self._connection: Connection | None = None
        self._cursor: Cursor | None = None
        self._clock = clock
        self._late: Exception | None = None  # Why reads are not tried until _rest_until.
        self._rest_until = 0.0

    def close(self) -> None:
        """Drop the connection; the next read opens another."""
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            connection.close()

    def attempt(self, work: Callable[[Cursor], T]) -> T:
        """Work on the open connection, and once more on a new one if that one went stale.

        Raises StoreUnavailableError, and FeatureError for values that cannot be computed.
        """
        if self._late is not None and self._clock() < self._rest_until:
            raise StoreUnavailableError("the online store does not answer") from self._late
        try:
            return self._attempt(work)
        except _STALE as error:
            self.close()
            self._late = error if isinstance(error, (*_LATE, SilentError)) else None
            self._rest_until = self._clock() + REST_SECONDS
            raise StoreUnavailableError("the online store does not answer") from error
        except psycopg.DataError as error:
            raise FeatureError(f"a feature cannot be computed: {first_line(error)}") from error
        except MISSING as error:
            raise NotMaterializedError(
                f"the online store does not have what is asked for: {first_line(error)}; "
                "run: hindcast materialize"
            ) from error

    def _attempt(self, work: Callable[[Cursor], T]) -> T:
        if self._cursor is not None:
            try:
                return work(self._cursor)
            except (*_LATE, SilentError):
                raise
            except _STALE:
                self.close()
        return work(self._connect())

    def _connect(self) -> Cursor:
        # Without one, the driver takes what the URL or libpq's own files say.
        password = self._password() if self._password else None
        self._connection = Connection.connect(
            self._conninfo, autocommit=True, password=password, cursor_factory=psycopg.RawCursor
        )
        self._cursor = self._connection.cursor(binary=True)
        return self._cursor


class OnlineReader:
    """Rows of the online store by key, by one SELECT."""

    def __init__(self, database: Database, sql: str) -> None:
        self._database = database
        self._sql, self._places = _numbered(sql)
        self._columns: list[str] = []

    def read(self, question: Question, as_of: datetime) -> Row | None:
        """The row of one question, or None; raises StoreUnavailableError, FeatureError."""
        values = self._values(question, as_of)
        return self._database.attempt(lambda cursor: self._one(cursor, values))

    def read_many(self, questions: Iterable[Question], as_of: datetime) -> dict[Question, Row]:
        """The rows of those questions that have one, in one round trip; raises as read does."""
        values = {question: self._values(question, as_of) for question in questions}
        if not values:
            return {}
        return self._database.attempt(lambda cursor: self._many(cursor, values))

    def close(self) -> None:
        """Drop the connection; the next read opens another."""
        self._database.close()

    def _values(self, question: Question, as_of: datetime) -> list[Any]:
        parts = (question.keys, question.given, (as_of,))
        return [_typed(parts[part][place]) for part, place in self._places]

    def _one(self, cursor: Cursor, values: list[Any]) -> Row | None:
        return self._row(cursor.execute(self._sql, values, prepare=True))

    def _many(self, cursor: Cursor, values: Mapping[Question, list[Any]]) -> dict[Question, Row]:
        cursor.executemany(self._sql, list(values.values()), returning=True)
        rows = {}
        for question in values:
            row = self._row(cursor)
            if row is not None:
                rows[question] = row
            cursor.nextset()
        return rows

    def _row(self, cursor: Cursor) -> Row | None:
        row = cursor.fetchone()
        if row is None:
            return None
        # One statement has one set of columns; to ask the driver for them costs a tenth of a read.
        self._columns = self._columns or [each.name for each in cursor.description or ()]
        return dict(zip(self._columns, row, strict=True))


def open_database(settings: Settings) -> Database:
    """The database of settings.database_url; raises InputError where it is not set, or no URL.

    And where IAM is to be used without what it needs.
    """
    if settings.database_url is None:
        raise InputError(f"serving needs {names.ENV_DATABASE_URL} to be set")
    return Database(settings.database_url, settings.database_auth == names.DATABASE_AUTH_IAM)


def _heard(steps: PQGen[T]) -> PQGen[T]:
    """The driver's own steps, each of which waits for the server; raises SilentError."""
    try:
        wanted = next(steps)
        while True:
            ready = yield wanted
            if not ready:
                raise SilentError(f"the server said nothing for {SILENCE_SECONDS:g} seconds")
            wanted = steps.send(ready)
    except StopIteration as ended:
        found: T = ended.value
        return found


def _conninfo(url: str, session: Mapping[str, str]) -> str:
    try:
        return make_conninfo(url, **{**_CONNECT, **session, **conninfo_to_dict(url)})
    except psycopg.ProgrammingError:
        # Without the driver's own words: they quote the URL, password and all.
        raise InputError("the database URL is not a Postgres connection string") from None


def _typed(value: Any) -> Any:
    # Int8, or small and large numbers would be prepared as different statements.
    return Int8(value) if type(value) is int else value


def _numbered(sql: str) -> tuple[str, list[tuple[int, int]]]:
    """A statement with its parameters as Postgres has them, $1 and on, and the place of each.

    Found once, where the driver looks for them in a long statement each time it is executed.
    """
    found = list(filter(None, dict.fromkeys(PARAMETER.findall(sql))))
    numbers = {name: f"${number}" for number, name in enumerate(found, start=1)}
    text = PARAMETER.sub(lambda match: numbers.get(match[1], "%"), sql)
    return text, [_place(name) for name in found]


def _place(parameter: str) -> tuple[int, int]:
    """Which of a question's keys (0, n), of its given values (1, n), or its instant (2, 0)."""
    if parameter == names.AS_OF:
        return 2, 0
    kind, _, number = parameter.partition("_")
    return ("key", "given").index(kind), int(number)
