"""View versions, their tables, and the append-only record of which table was current when."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hindcast import names
from hindcast.datatypes import DataType
from hindcast.errors import InputError

if TYPE_CHECKING:
    from hindcast.compiler.features import CompiledView

Connection = psycopg.Connection[tuple[Any, ...]]

IDENTIFIER_BYTES = 63
# No "__" inside and no "_" at the ends: a table's name then has one reading as version and run.
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
class ViewVersion:
    """A feature view as one definition of it: what releases that were trained on it read."""

    view: str
    definition_hash: str

    @classmethod
    def of(cls, view: "CompiledView") -> "ViewVersion":
        """The version that this definition is."""
        return cls(view.view.name, view.definition_hash)

    @property
    def relation(self) -> str:
        """The Postgres view over its current table."""
        return names.online_relation(self.view, self.definition_hash)

    def __str__(self) -> str:
        return f"{self.view} ({self.definition_hash[:8]})"


@dataclass(frozen=True)
class LoadingTable:
    """A table of a view version that is being filled and that no reader sees."""

    of: ViewVersion
    run_id: str
    keys: tuple[str, ...]

    @property
    def key(self) -> str:
        """The key columns, as one text."""
        return ", ".join(self.keys)

    @property
    def table(self) -> str:
        """The table's name in the online schema."""
        return table_name(self.of, self.run_id)


@dataclass(frozen=True)
class Swap:
    """One swap: which table of a view version became current, when, and of what it was computed.

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
    def of(self) -> ViewVersion:
        """The view version that was swapped."""
        return ViewVersion(self.view, self.definition_hash)

    @property
    def table(self) -> str:
        """The table's name in the online schema."""
        return table_name(self.of, self.run_id)


def table_name(of: ViewVersion, run_id: str) -> str:
    """The table that a run loads for a view version."""
    return f"{of.relation}__{run_id}"


def check_names(loading: LoadingTable, columns: Mapping[str, DataType]) -> None:
    """Raise InputError for names that Postgres would cut short or that would collide."""
    if not _RUN_ID.fullmatch(loading.run_id):
        raise InputError(f"run id '{loading.run_id}' is not letters and digits joined by - or _")
    for key in loading.keys:
        if key not in columns:
            raise InputError(f"online table '{loading.table}' lacks its key column '{key}'")
    for name in (loading.table, *columns):
        if len(name.encode()) > IDENTIFIER_BYTES:
            raise InputError(f"'{name}' is longer than the {IDENTIFIER_BYTES} bytes of a name")


def create_table(connection: Connection, table: str, columns: Mapping[str, DataType]) -> None:
    """Make an empty table; its primary key is added after the load, which is faster."""
    definitions = [
        # The types are the fixed words of DataType, never text from outside.
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(datatype.postgres_column()))
        for column, datatype in columns.items()
    ]
    statement = sql.SQL("CREATE TABLE {} ({})")
    connection.execute(statement.format(identifier(table), sql.SQL(", ").join(definitions)))


def drop_tables(connection: Connection, tables: Iterable[str]) -> None:
    """Drop tables of the online schema."""
    for table in tables:
        connection.execute(sql.SQL("DROP TABLE {}").format(identifier(table)))


def tables_of(connection: Connection, of: ViewVersion) -> set[str]:
    """The tables of a view version that exist, published or not."""
    found = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s AND starts_with(tablename, %s)",
        [names.ONLINE_SCHEMA, table_name(of, "")],
    )
    return {table for (table,) in found}


def record(
    connection: Connection,
    action: str,
    table: LoadingTable | Swap,
    facts: Mapping[str, Any],
) -> Swap:
    """Add a swap. facts: as_of, known_by, rows, null_rates."""
    values = {
        "action": action,
        "view": table.of.view,
        "definition_hash": table.of.definition_hash,
        "run_id": table.run_id,
        "key": table.key,
        **facts,
        "null_rates": Jsonb(facts["null_rates"]),
    }
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING *").format(
        LOG,
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.Placeholder, values)),
    )
    with connection.cursor(row_factory=class_row(Swap)) as cursor:
        swap = cursor.execute(statement, values).fetchone()
    assert swap is not None, "INSERT ... RETURNING gives its row"
    return swap


def swaps(connection: Connection, of: ViewVersion) -> list[Swap]:
    """Every swap of a view version, oldest first."""
    statement = sql.SQL(
        "SELECT * FROM {} WHERE view = %s AND definition_hash = %s ORDER BY swap"
    ).format(LOG)
    with connection.cursor(row_factory=class_row(Swap)) as cursor:
        return cursor.execute(statement, [of.view, of.definition_hash]).fetchall()


def last_swaps(connection: Connection) -> list[Swap]:
    """The newest swap of each view version."""
    statement = sql.SQL(
        "SELECT DISTINCT ON (view, definition_hash) * FROM {} "
        "ORDER BY view, definition_hash, swap DESC"
    ).format(LOG)
    with connection.cursor(row_factory=class_row(Swap)) as cursor:
        return cursor.execute(statement).fetchall()


def relations(connection: Connection) -> set[str]:
    """The Postgres views that answer for a view version now."""
    found = connection.execute(
        "SELECT viewname FROM pg_views WHERE schemaname = %s", [names.ONLINE_SCHEMA]
    )
    return {name for (name,) in found}


def history(connection: Connection, of: ViewVersion) -> list[Swap]:
    """The swap to the current table, then those a rollback would return to, newest first.

    A rollback leaves the table it abandoned out for good: after publishing a, b, c, rolling
    back and publishing d, the history is d, b, a. Tables that were pruned are left out.
    """
    stack: list[Swap] = []
    for swap in swaps(connection, of):
        if swap.action == "rollback":
            while stack and stack[-1].run_id != swap.run_id:
                stack.pop()
        else:
            stack.append(swap)
    existing = tables_of(connection, of)
    return [swap for swap in reversed(stack) if swap.table in existing]


def some_keys(
    connection: Connection, of: ViewVersion, wanted: Iterable[str], count: int
) -> list[dict[str, Any]]:
    """Values, as text, of those wanted columns that a version's relation has; none without one."""
    if of.relation not in relations(connection):
        return []
    relation = identifier(of.relation)
    found = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(relation))
    has = {column.name for column in found.description or ()}
    columns = [name for name in wanted if name in has]
    if not columns:
        return []
    texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(c)) for c in columns)
    rows = connection.execute(
        sql.SQL("SELECT {} FROM {} LIMIT {}").format(texts, relation, sql.Literal(count))
    )
    return [dict(zip(columns, row, strict=True)) for row in rows]


def identifier(table: str) -> sql.Identifier:
    """A name in the online schema."""
    return sql.Identifier(names.ONLINE_SCHEMA, table)
