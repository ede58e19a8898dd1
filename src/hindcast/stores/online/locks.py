"""Advisory locks that keep publishers of one view version, and loaders of one table, apart."""

from hindcast.errors import InputError
from hindcast.stores.online.versions import Connection

_KEY = "hashtextextended('hindcast ' || %s, 0)"


def lock(connection: Connection, name: str) -> None:
    """Wait for a lock on a relation (or the schema), held to the end of the transaction."""
    connection.execute(f"SELECT pg_advisory_xact_lock({_KEY})", [f"view {name}"])


def claim(connection: Connection, table: str) -> None:
    """Mark a table as being loaded for as long as the connection lives; InputError if it is."""
    if not _try(connection, "pg_try_advisory_lock", table):
        raise InputError(f"online table '{table}' is being loaded by another process")


def is_unclaimed(connection: Connection, table: str) -> bool:
    """Whether no living process loads the table; none can until the transaction ends."""
    return _try(connection, "pg_try_advisory_xact_lock", table)


def _try(connection: Connection, function: str, table: str) -> bool:
    row = connection.execute(f"SELECT {function}({_KEY})", [f"table {table}"]).fetchone()
    return row == (True,)
