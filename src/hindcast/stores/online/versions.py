"""Version tables and the append-only record of which of them was current when."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hindcast import names
from hindcast.datatypes import DataType
from hindcast.errors import InputError

Connection = psycopg.Connection[tuple[Any, ...]]

IDENTIFIER_BYTES = 63
# No "__" inside and no "_" at the ends: a table's name then has one reading as view and run.
_RUN_ID = re.compile(r"[A-Za-z0-9]+([-_][A-Za-z0-9]+)*")

LOG = sql.Identifier(names.ONLINE_SCHEMA, names.ONLINE_VERSIONS)
CREATE_LOG = sql.SQL(
    """
    CREATE SCHEMA IF NOT EXISTS {schema};
    CREATE TABLE IF NOT EXISTS {log} (
        swap bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        action text NOT NULL CHECK (action IN ('publish', 'rollback')),
        view text NOT NULL,
        run_id text NOT NULL,
        key text NOT NULL,
        as_of timestamptz NOT NULL,
        known_by timestamptz NOT NULL,
        definition_hash text NOT NULL,
        rows bigint NOT NULL,
        null_rates jsonb NOT NULL,
        swapped_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """
).format(schema=sql.Identifier(names.ONLINE_SCHEMA), log=LOG)


@dataclass(frozen=True)
class LoadingVersion:
    """A version table that is being filled and that no reader sees."""

    view: str
    run_id: str
    key: str

    @property
    def table(self) -> str:
        """The table's name in the online schema."""
        return table_name(self.view, self.run_id)


@dataclass(frozen=True)
class OnlineVersion:
    """One swap: which version became current, when, and what it was computed from.

    null_rates maps each column to its share of nulls, 0 to 1.
    """

    swap: int
    action: str
    view: str
    run_id: str
    key: str
    as_of: datetime
    known_by: datetime
    definition_hash: str
    rows: int
    null_rates: Mapping[str, float]
    swapped_at: datetime

    @property
    def table(self) -> str:
        """The table's name in the online schema."""
        return table_name(self.view, self.run_id)


def table_name(view: str, run_id: str) -> str:
    """The version table of a run."""
    return f"{view}__{run_id}"


def check_names(version: LoadingVersion, columns: Mapping[str, DataType]) -> None:
    """Raise InputError for names that Postgres would cut short or that would collide."""
    if not _RUN_ID.fullmatch(version.run_id):
        raise InputError(f"run id '{version.run_id}' is not letters and digits joined by - or _")
    if version.view == names.ONLINE_VERSIONS:
        raise InputError(f"a feature view cannot be called '{version.view}'")
    if version.key not in columns:
        raise InputError(f"online table '{version.table}' lacks its key column '{version.key}'")
    for name in (version.table, *columns):
        if len(name.encode()) > IDENTIFIER_BYTES:
            raise InputError(f"'{name}' is longer than the {IDENTIFIER_BYTES} bytes of a name")


def create_table(connection: Connection, table: str, columns: Mapping[str, DataType]) -> None:
    """Make an empty version table; its primary key is added after the load, which is faster."""
    definitions = [
        # The types are the fixed words of DataType, never text from outside.
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(datatype.sql("postgres")))
        for column, datatype in columns.items()
    ]
    statement = sql.SQL("CREATE TABLE {} ({})")
    connection.execute(statement.format(identifier(table), sql.SQL(", ").join(definitions)))


def drop_tables(connection: Connection, tables: Iterable[str]) -> None:
    """Drop version tables."""
    for table in tables:
        connection.execute(sql.SQL("DROP TABLE {}").format(identifier(table)))


def tables_of(connection: Connection, view: str) -> set[str]:
    """The version tables of a view that exist, published or not."""
    found = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s AND starts_with(tablename, %s)",
        [names.ONLINE_SCHEMA, table_name(view, "")],
    )
    prefix = table_name(view, "")
    return {table for (table,) in found if _RUN_ID.fullmatch(table.removeprefix(prefix))}


def record(
    connection: Connection,
    action: str,
    version: LoadingVersion | OnlineVersion,
    facts: Mapping[str, Any],
) -> OnlineVersion:
    """Add a swap. facts: as_of, known_by, definition_hash, rows, null_rates."""
    values = {
        "action": action,
        "view": version.view,
        "run_id": version.run_id,
        "key": version.key,
        **facts,
        "null_rates": Jsonb(facts["null_rates"]),
    }
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING *").format(
        LOG,
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.Placeholder, values)),
    )
    with connection.cursor(row_factory=class_row(OnlineVersion)) as cursor:
        swap = cursor.execute(statement, values).fetchone()
    assert swap is not None, "INSERT ... RETURNING gives its row"
    return swap


def swaps(connection: Connection, view: str) -> list[OnlineVersion]:
    """Every swap of a view, oldest first."""
    statement = sql.SQL("SELECT * FROM {} WHERE view = %s ORDER BY swap").format(LOG)
    with connection.cursor(row_factory=class_row(OnlineVersion)) as cursor:
        return cursor.execute(statement, [view]).fetchall()


def history(connection: Connection, view: str) -> list[OnlineVersion]:
    """The current version, then those a rollback would return to, newest first.

    A rollback leaves the version it abandoned out for good: after publishing a, b, c, rolling
    back and publishing d, the history is d, b, a. Versions whose table was pruned are left out.
    """
    stack: list[OnlineVersion] = []
    for swap in swaps(connection, view):
        if swap.action == "rollback":
            while stack and stack[-1].run_id != swap.run_id:
                stack.pop()
        else:
            stack.append(swap)
    existing = tables_of(connection, view)
    return [version for version in reversed(stack) if version.table in existing]


def identifier(table: str) -> sql.Identifier:
    """A name in the online schema."""
    return sql.Identifier(names.ONLINE_SCHEMA, table)
