"""Point a view version's Postgres view at another table, inside a transaction."""

from datetime import datetime

from psycopg import sql

from hindcast import names
from hindcast.stores.online.versions import Connection, LoadingTable, identifier

# How long a swap waits for open readers; new readers queue behind it, so it must not wait long.
SWAP_WAIT = "2s"

_COLUMNS = """
    SELECT attname, atttypid, atttypmod, attcollation
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = %s AND relname = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


def add_key(connection: Connection, loaded: LoadingTable) -> None:
    """Give a loaded table its primary key, and the key's statistics."""
    table = identifier(loaded.table)
    key = sql.SQL(", ").join(map(sql.Identifier, loaded.keys))
    connection.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(table, key))
    # Rows are only ever looked up by key; to analyze every column takes longer than the index.
    connection.execute(sql.SQL("ANALYZE {} ({})").format(table, key))


def swap_view(
    connection: Connection, relation: str, table: str, run_id: str, as_of: datetime
) -> None:
    """Make the Postgres view select every column of the table, features_as_of and materialization.

    The two last are a Postgres view of their own besides, for questions about who has no row.
    Readers see the old rows until the transaction commits, then the new ones; a view with the
    same columns is replaced in place, so that grants on it survive.
    """
    old, new = _columns(connection, relation), _columns(connection, table)
    connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(SWAP_WAIT)))
    if old and old[:-2] != new:
        drop_view(connection, relation)
    made = sql.SQL("{} AS {}, {}::text AS {}").format(
        sql.Literal(as_of),
        sql.Identifier(names.FEATURES_AS_OF),
        sql.Literal(run_id),
        sql.Identifier(names.MATERIALIZATION),
    )
    columns = sql.SQL(", ").join(sql.Identifier(column[0]) for column in new)
    rows = sql.SQL("{}, {} FROM {}").format(columns, made, identifier(table))
    # In the order in which readers lock them, or each could wait for the other.
    for name, selected in ((relation, rows), (names.made_relation(relation), made)):
        replace = sql.SQL("CREATE OR REPLACE VIEW {} AS SELECT {}")
        connection.execute(replace.format(identifier(name), selected))


def drop_view(connection: Connection, relation: str) -> None:
    """Drop the Postgres view and the one that says how it was made, if they are there."""
    for name in (relation, names.made_relation(relation)):
        connection.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(identifier(name)))


def _columns(connection: Connection, relation: str) -> list[tuple[str, int, int, int]]:
    """Name, type, its modifier and collation of each column; empty for no such relation."""
    return connection.execute(_COLUMNS, [names.ONLINE_SCHEMA, relation]).fetchall()
