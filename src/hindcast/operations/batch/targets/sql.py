"""A table of any database that SQLAlchemy reaches; Postgres by COPY, rows with keys replaced."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Double,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    select,
)
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.types import TypeEngine

from hindcast.errors import InputError, StoreUnavailableError
from hindcast.operations.batch.parts import PartContext
from hindcast.operations.batch.references import Reference
from hindcast.operations.batch.sources.sql import engine_of, reason
from hindcast.operations.batch.targets.spool import SpooledTarget
from hindcast.operations.batch.values import Strict

RUNS = "hindcast_batch_runs"


class SqlTargetParams(Strict):
    """table: made where it is not there. keys: rows with the same are replaced."""

    url: Reference
    table: str
    keys: Sequence[str] = ()
    db_schema: str | None = None


class SqlTarget(SpooledTarget):
    """A run's answers and the note that it is there are one transaction; its errors are another."""

    Params = SqlTargetParams

    def __init__(self, params: SqlTargetParams, context: PartContext) -> None:
        """Raises InputError for a URL that is none, StoreUnavailableError where nobody answers."""
        super().__init__(context)
        self._params, self._run = params, context.run
        self._engine = engine_of(params.url, "data.target.params.url")
        self.facts: Mapping[str, Any] = {"url": params.url, "table": params.table}
        self._metadata = MetaData(schema=params.db_schema)
        key = (Column("run", Text, primary_key=True), Column("written", Text, primary_key=True))
        self._runs = Table(RUNS, self._metadata, *key)
        with self._transaction() as connection:
            self._runs.create(connection, checkfirst=True)

    def publish(self, answers: pa.RecordBatchReader) -> None:
        """Write the answers; raises InputError for what the table cannot have."""
        if missing := [key for key in self._params.keys if key not in answers.schema.names]:
            raise InputError(
                f"data.target.params.keys: the answers have no column '{missing[0]}'; they have "
                f"{', '.join(answers.schema.names)}"
            )
        self._write_once(self._params.table, answers, self._params.keys)

    def publish_errors(self, errors: pa.RecordBatchReader) -> None:
        """Write the rows without an answer."""
        self._write_once(f"{self._params.table}.errors", errors, ())

    def close(self) -> None:
        """Give up the connections."""
        self._engine.dispose()

    def _write_once(self, name: str, rows: pa.RecordBatchReader, keys: Sequence[str]) -> None:
        note = {"run": self._run, "written": name}
        is_noted = select(self._runs).filter_by(**note).exists()
        with self._transaction() as connection:
            if connection.scalar(select(is_noted)):
                return
            connection.execute(insert(self._runs).values(note))
            table = self._table(connection, name, rows.schema, keys)
            for batch in rows:
                self._put(connection, table, batch, keys)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except (OperationalError, InterfaceError) as error:
            raise StoreUnavailableError(f"data.target: {reason(error)}") from error
        except (SQLAlchemyError, psycopg.Error) as error:
            raise InputError(f"data.target: {reason(error)}") from error

    def _table(
        self, connection: Connection, name: str, schema: pa.Schema, keys: Sequence[str]
    ) -> Table:
        """The table, made where it is not there."""
        place = f"{self._params.db_schema}.{name}" if self._params.db_schema else name
        known = self._metadata.tables.get(place)
        if known is None:
            columns = [Column(field.name, _type(field.type)) for field in schema]
            unique = [UniqueConstraint(*keys)] if keys else []
            known = Table(name, self._metadata, *columns, *unique)
            known.create(connection, checkfirst=True)
        return known

    def _put(
        self, connection: Connection, table: Table, rows: pa.RecordBatch, keys: Sequence[str]
    ) -> None:
        if connection.dialect.driver == "psycopg":
            _copied(connection, table, rows, keys)
            return
        if keys and rows.num_rows:
            same = [table.c[key] == bindparam(f"key_{key}") for key in keys]
            found = [{f"key_{key}": row[key] for key in keys} for row in rows.to_pylist()]
            connection.execute(delete(table).where(*same), found)
        if rows.num_rows:
            connection.execute(insert(table), rows.to_pylist())


def _copied(
    connection: Connection, table: Table, rows: pa.RecordBatch, keys: Sequence[str]
) -> None:
    """By COPY into a table of the transaction's own, then into the table."""
    raw: Any = connection.connection.driver_connection
    place = sql.Identifier(*filter(None, (table.schema, table.name)))
    names = sql.SQL(", ").join(map(sql.Identifier, rows.schema.names))
    given = {"place": place, "names": names, "conflict": _conflict(rows.schema.names, keys)}
    with raw.cursor() as cursor:
        cursor.execute(_LIKE.format(**given))
        with cursor.copy(_COPY.format(**given)) as copy:
            for row in zip(*(column.to_pylist() for column in rows.columns), strict=True):
                copy.write_row(row)
        cursor.execute(_TAKE.format(**given))
        cursor.execute("DROP TABLE pg_temp.chunk")


_LIKE = sql.SQL("CREATE TEMP TABLE chunk AS SELECT {names} FROM {place} WITH NO DATA")
_COPY = sql.SQL("COPY pg_temp.chunk ({names}) FROM STDIN")
_TAKE = sql.SQL("INSERT INTO {place} ({names}) SELECT {names} FROM pg_temp.chunk {conflict}")


def _conflict(names: Sequence[str], keys: Sequence[str]) -> sql.Composable:
    """What becomes of a row whose keys are there."""
    if not keys:
        return sql.SQL("")
    joined, others = sql.SQL(", "), [name for name in names if name not in keys]
    new = (sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in others)
    return sql.SQL("ON CONFLICT ({}) DO UPDATE SET {}").format(
        joined.join(map(sql.Identifier, keys)), joined.join(new)
    )


def _type(kind: pa.DataType) -> TypeEngine[Any]:
    """The column type that holds an Arrow type's values; text for any other."""
    if pa.types.is_decimal(kind):
        return Numeric(kind.precision, kind.scale)
    plain: tuple[tuple[Any, TypeEngine[Any]], ...] = (
        (pa.types.is_integer, BigInteger()),
        (pa.types.is_floating, Double()),
        (pa.types.is_boolean, Boolean()),
        (pa.types.is_timestamp, DateTime(timezone=True)),
        (pa.types.is_date, Date()),
    )
    return next((found for check, found in plain if check(kind)), Text())
