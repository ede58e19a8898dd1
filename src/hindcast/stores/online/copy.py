"""Append Arrow batches to a version table by Postgres' binary COPY."""

from collections.abc import Iterator

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import pyarrow as pa

from hindcast import names
from hindcast.errors import HindcastError, InputError, StoreUnavailableError, first_line
from hindcast.stores.database import signed

# SQLSTATE classes of a connection that was lost or refused, or of a server going down.
_UNAVAILABLE = ("08", "53", "57")


class _Feed:
    """The reader's batches in the table's types, counted; `error` is what stopped the reader."""

    def __init__(self, reader: pa.RecordBatchReader, schema: pa.Schema) -> None:
        self.reader = reader
        self.schema = schema
        self.rows = 0
        self.error: Exception | None = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self.reader:
                yield batch.cast(self.schema)
                self.rows += batch.num_rows
        except pa.ArrowInvalid as error:
            self.error = InputError(f"a value does not fit the online table: {first_line(error)}")
            raise
        except Exception as error:
            # Kept because the driver turns it into an error of its own, without the class.
            self.error = error
            raise


def copy_rows(url: str, table: str, reader: pa.RecordBatchReader) -> int:
    """Append every row in one transaction, columns by name; the number of rows.

    Raises InputError for a column the table lacks or a value its type cannot hold,
    StoreUnavailableError when Postgres cannot be reached or goes away, and what the reader raises.
    """
    feed: _Feed | None = None
    try:
        with adbc_driver_postgresql.dbapi.connect(signed(url)) as connection:
            held = connection.adbc_get_table_schema(table, db_schema_filter=names.ONLINE_SCHEMA)
            feed = _Feed(reader, _fitted(table, reader.schema, held))
            stream = pa.RecordBatchReader.from_batches(feed.schema, feed.batches())
            with connection.cursor() as cursor:
                cursor.adbc_ingest(table, stream, "append", db_schema_name=names.ONLINE_SCHEMA)
            connection.commit()
    except adbc_driver_manager.Error as error:
        raise _cause(error, feed, table) from error
    return feed.rows


def _fitted(table: str, given: pa.Schema, held: pa.Schema) -> pa.Schema:
    """The given columns in the types that binary COPY needs for the table's columns."""
    unknown = sorted(set(given.names) - set(held.names))
    if unknown:
        raise InputError(f"online table '{table}' has no column {', '.join(map(repr, unknown))}")
    return pa.schema([_field(table, field, held.field(field.name).type) for field in given])


def _field(table: str, field: pa.Field, wanted: pa.DataType) -> pa.Field:
    # The driver describes numeric as an opaque text, but writes any Arrow decimal into it.
    is_numeric = isinstance(wanted, pa.OpaqueType) and wanted.type_name == "numeric"
    if is_numeric and not pa.types.is_decimal(field.type):
        raise InputError(f"online table '{table}': '{field.name}' is {field.type}, not a decimal")
    return pa.field(field.name, field.type if is_numeric else wanted)


def _cause(error: adbc_driver_manager.Error, feed: _Feed | None, table: str) -> Exception:
    if feed is not None and feed.error is not None:
        return feed.error
    reason = f"loading online table '{table}': {first_line(error)}"
    # Without a SQLSTATE the server never answered.
    if not error.sqlstate or error.sqlstate.startswith(_UNAVAILABLE):
        return StoreUnavailableError(reason)
    return HindcastError(reason)
