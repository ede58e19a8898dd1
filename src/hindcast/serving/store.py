"""The online store as serving reads it: one connection, and prepared SELECTs."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row
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
T = TypeVar("T")

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
# Nothing is materialized of what is asked for, or it may not be read.
_MISSING = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.InsufficientPrivilege,
)


class Database:
    """A connection that opens at its first use; not safe for use by several threads at once.

    by_iam: sign a token for each connection in place of a password, and require TLS.
    """

    def __init__(self, url: str, by_iam: bool = False) -> None:
        conninfo = _conninfo(url)
        self._conninfo = iam.secured(conninfo) if by_iam else conninfo
        self._password = iam.passwords(conninfo) if by_iam else None
        self._connection: psycopg.Connection[Row] | None = None
        self._cursor: psycopg.Cursor[Row] | None = None

    def close(self) -> None:
        """Drop the connection; the next read opens another."""
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            connection.close()

    def attempt(self, work: Callable[[psycopg.Cursor[Row]], T]) -> T:
        """Work on the open connection, and once more on a new one if that one went stale.

        Raises StoreUnavailableError, and FeatureError for values that cannot be computed.
        """
        try:
            if self._cursor is not None:
                try:
                    return work(self._cursor)
                except _STALE:
                    self.close()
            return work(self._connect())
        except _STALE as error:
            self.close()
            raise StoreUnavailableError("the online store does not answer") from error
        except psycopg.DataError as error:
            raise FeatureError(f"a feature cannot be computed: {first_line(error)}") from error
        except _MISSING as error:
            raise NotMaterializedError(
                f"the online store does not have what is asked for: {first_line(error)}; "
                "run: hindcast materialize"
            ) from error

    def _connect(self) -> psycopg.Cursor[Row]:
        # Without one, the driver takes what the URL or libpq's own files say.
        password = self._password() if self._password else None
        self._connection = psycopg.connect(
            self._conninfo, autocommit=True, password=password, row_factory=dict_row
        )
        self._cursor = self._connection.cursor(binary=True)
        return self._cursor


class OnlineReader:
    """Rows of the online store by key, by one SELECT."""

    def __init__(self, database: Database, sql: str) -> None:
        self._database = database
        self._sql = sql

    def read(self, question: Question, as_of: datetime) -> Row | None:
        """The row of one question, or None; raises StoreUnavailableError, FeatureError."""
        parameters = _parameters(question, as_of)
        return self._database.attempt(lambda cursor: _one(cursor, self._sql, parameters))

    def read_many(self, questions: Iterable[Question], as_of: datetime) -> dict[Question, Row]:
        """The rows of those questions that have one, in one round trip; raises as read does."""
        parameters = {question: _parameters(question, as_of) for question in questions}
        if not parameters:
            return {}
        return self._database.attempt(lambda cursor: _many(cursor, self._sql, parameters))

    def close(self) -> None:
        """Drop the connection; the next read opens another."""
        self._database.close()


def open_database(settings: Settings) -> Database:
    """The database of settings.database_url; raises InputError where it is not set, or no URL.

    And where IAM is to be used without what it needs.
    """
    if settings.database_url is None:
        raise InputError(f"serving needs {names.ENV_DATABASE_URL} to be set")
    return Database(settings.database_url, settings.database_auth == names.DATABASE_AUTH_IAM)


def _conninfo(url: str) -> str:
    try:
        return make_conninfo(url, **{**_CONNECT, **conninfo_to_dict(url)})
    except psycopg.ProgrammingError:
        # Without the driver's own words: they quote the URL, password and all.
        raise InputError("the database URL is not a Postgres connection string") from None


def _parameters(question: Question, as_of: datetime) -> dict[str, Any]:
    keys = {f"key_{number}": _typed(key) for number, key in enumerate(question.keys)}
    given = {f"given_{number}": _typed(value) for number, value in enumerate(question.given)}
    return {**keys, **given, "as_of": as_of}


def _typed(value: Any) -> Any:
    # Int8, or small and large numbers would be prepared as different statements.
    return Int8(value) if type(value) is int else value


def _one(cursor: psycopg.Cursor[Row], sql: str, parameters: Mapping[str, Any]) -> Row | None:
    return cursor.execute(sql, parameters, prepare=True).fetchone()


def _many(
    cursor: psycopg.Cursor[Row], sql: str, parameters: Mapping[Question, Mapping[str, Any]]
) -> dict[Question, Row]:
    cursor.executemany(sql, list(parameters.values()), returning=True)
    rows = {}
    for question in parameters:
        row = cursor.fetchone()
        if row is not None:
            rows[question] = row
        cursor.nextset()
    return rows
