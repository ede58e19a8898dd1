"""Derived features of many rows: expressions over their other features and request values."""

import pyarrow as pa

from hindcast import names
from hindcast.compiler.derived import selects
from hindcast.compiler.dialects import DUCKDB
from hindcast.compiler.service import CompiledService
from hindcast.engines import duckdb


def features(service: CompiledService, rows: pa.Table, asked_at: pa.Array) -> pa.Table:
    """A service's features of rows, in its order.

    rows: the features of its views, and the values sent with the question; null where one was not.
    asked_at: instants, UTC.
    """
    if not service.derived:
        return rows.select(service.names)
    read = rows.select([name for name in service.types if name in rows.column_names])
    columns = {name: DUCKDB.quote(name) for name in read.column_names}
    listed = ", ".join(selects(service, DUCKDB, columns, names.AS_OF))
    with duckdb.session() as connection:
        connection.register("rows", read.append_column(names.AS_OF, asked_at))
        return connection.sql(f"SELECT {listed} FROM rows").to_arrow_table()
