"""The documents by which serving answers feature services, beside the tables that they read."""

from collections.abc import Mapping
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from hindcast import names
from hindcast.stores.online import locks
from hindcast.stores.online.versions import Connection

_TABLE = sql.Identifier(names.ONLINE_SCHEMA, names.ONLINE_SERVICES)
_CREATE = sql.SQL("CREATE TABLE IF NOT EXISTS {} (name text PRIMARY KEY, document jsonb NOT NULL)")
_PUT = sql.SQL(
    "INSERT INTO {0} AS held VALUES (%s, %s) ON CONFLICT (name) "
    "DO UPDATE SET document = excluded.document WHERE held.document <> excluded.document"
)
_LEAVE = sql.SQL("DELETE FROM {} WHERE name <> ALL (%s)")


def read(connection: Connection) -> dict[str, dict[str, Any]]:
    """Service -> document."""
    found = connection.execute("SELECT to_regclass(%s)", [_TABLE.as_string(connection)]).fetchone()
    if found == (None,):
        return {}
    return dict(connection.execute(sql.SQL("SELECT name, document FROM {}").format(_TABLE)))


def write(
    connection: Connection, documents: Mapping[str, Mapping[str, Any]], declared: list[str]
) -> None:
    """Put documents in the place of those before, and leave out services not declared any more."""
    locks.lock(connection, names.ONLINE_SERVICES)
    connection.execute(_CREATE.format(_TABLE))
    connection.execute(_LEAVE.format(_TABLE), [declared])
    for name, document in documents.items():
        connection.execute(_PUT.format(_TABLE), [name, Jsonb(document)])
