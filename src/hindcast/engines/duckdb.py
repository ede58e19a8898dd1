"""The embedded engine: DuckDB over Arrow, spilling to disk beyond its memory limit."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from hindcast.engines.base import OfflineTarget

if TYPE_CHECKING:
    from hindcast.online import OnlineStore

BATCH_ROWS = 100_000
MEMORY_LIMIT = "1GB"


@contextmanager
def session() -> Iterator[duckdb.DuckDBPyConnection]:
    """A private in-memory database in UTC, with a temporary folder to spill to."""
    with tempfile.TemporaryDirectory(prefix="hindcast-duckdb-") as spill:
        connection = duckdb.connect()
        try:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
            connection.execute(f"SET temp_directory = '{spill}'")
            yield connection
        finally:
            connection.close()


class DuckDBEngine:
    """Runs DuckDB SQL over the relations `raw` and `spine`."""

    name = "duckdb"
    dialect = "duckdb"

    def query(self, sql: str, raw: DeltaTable, spine: pa.Table | None = None) -> pa.Table:
        """The result of a query, in the order the SQL asks for."""
        with session() as connection:
            _register(connection, raw)
            if spine is not None:
                connection.register("spine", spine)
            return connection.sql(sql).to_arrow_table()

    @contextmanager
    def compute(self, sql: str, raw: DeltaTable) -> "Iterator[DuckDBComputed]":
        """Run a materialization query once into a temporary table."""
        with session() as connection:
            # Rows leave by key lookups and Delta files; keeping their order would cost memory.
            connection.execute("SET preserve_insertion_order = false")
            _register(connection, raw)
            connection.execute(f"CREATE TEMP TABLE computed AS {sql}")
            yield DuckDBComputed(connection)


class DuckDBComputed:
    """Computed feature rows in a temporary table of one session."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def write_offline(self, target: OfflineTarget) -> int:
        """Replace the Delta table's content by the event rows in one commit; returns the rows."""
        constants = [f"'{value}' AS {_quote(name)}" for name, value in target.constants.items()]
        columns = ", ".join([*map(_quote, target.columns), *constants])
        rows = self._reader(f"SELECT {columns} FROM computed WHERE _is_event")
        write_deltalake(target.uri, rows, mode="overwrite", schema_mode="overwrite")
        return self._count("_is_event")

    def load_online(self, store: "OnlineStore", table: str, columns: Sequence[str]) -> int:
        """Copy the entity rows into a Postgres table by column name; returns the rows."""
        selected = ", ".join(map(_quote, columns))
        return store.load(
            table, self._reader(f"SELECT {selected} FROM computed WHERE NOT _is_event")
        )

    def _reader(self, sql: str) -> pa.RecordBatchReader:
        return self._connection.sql(sql).to_arrow_reader(BATCH_ROWS)

    def _count(self, where: str) -> int:
        found = self._connection.execute(f"SELECT count(*) FROM computed WHERE {where}").fetchall()
        return int(found[0][0])


def _register(connection: duckdb.DuckDBPyConnection, raw: DeltaTable) -> None:
    """Make a Delta table readable as `raw`, wherever its files are."""
    connection.register("raw", raw.to_pyarrow_dataset())


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
