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
    func,
    insert,
    select,
)
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.types import TypeEngine

from hindcast.errors import InputError, StoreUnavailableError
from hindcast.operations.batch.parts import ERRORS, PartContext
from hindcast.operations.batch.references import Reference
from hindcast.operations.batch.sources.sql import engine_of, reason
from hindcast.operations.batch.values import Strict

CHUNKS = "hindcast_batch_chunks"


class SqlTargetParams(Strict):
    """table: made where it is not there. keys: rows with the same are replaced."""

    url: Reference
    table: str
    keys: Sequence[str] = ()
    db_schema: str | None = None


class SqlTarget:
    """Each chunk and the note that it is there are one transaction."""

    Params = SqlTargetParams

    def __init__(self, params: SqlTargetParams, context: PartContext) -> None:
        """Connect; raises InputError for a URL that is none."""
        self._params, self._run = params, context.run
        self._engine = engine_of(params.url, "data.target.params.url")
        self.facts: Mapping[str, Any] = {"url": params.url, "table": params.table}
        self._metadata = MetaData(schema=params.db_schema)
        self._chunks = Table(
            CHUNKS,
            self._metadata,
            Column("run", Text, primary_key=True),
            Column("chunk", BigInteger, primary_key=True),
        )

    def written(self) -> int:
        """How many chunks of the run are noted."""
        with self._transaction() as connection:
            self._chunks.create(connection, checkfirst=True)
            of_run = select(func.count()).where(self._chunks.c.run == self._run)
            return int(connection.scalar(of_run.select_from(self._chunks)) or 0)

    def write(self, chunk: int, answers: pa.Table, errors: pa.Table) -> None:
        """Write a chunk; raises InputError for a value or a column that the table cannot have."""
        if missing := [key for key in self._params.keys if key not in answers.column_names]:
            known = ", ".join(answers.column_names)
            raise InputError(
                f"data.target.params.keys: the answers have no column '{missing[0]}'; they have "
                f"{known}"
            )
        with self._transaction() as connection:
            table = self._table(connection, self._params.table, answers.schema, self._params.keys)
            self._put(connection, table, answers, self._params.keys)
            if errors.num_rows:
                name = f"{self._params.table}.errors"
                self._put(connection, self._table(connection, name, ERRORS, []), errors, [])
            connection.execute(insert(self._chunks).values(run=self._run, chunk=chunk))

    def finish(self) -> None:
        """Every chunk is written already."""

    def close(self) -> None:
        """Give up the connections."""
        self._engine.dispose()

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
        self, connection: Connection, table: Table, rows: pa.Table, keys: Sequence[str]
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


def _copied(connection: Connection, table: Table, rows: pa.Table, keys: Sequence[str]) -> None:
    """By COPY into a table of the transaction's own, then into the table."""
    raw: Any = connection.connection.driver_connection
    place = sql.Identifier(*filter(None, (table.schema, table.name)))
    names = sql.SQL(", ").join(map(sql.Identifier, rows.column_names))
    given = {"place": place, "names": names, "conflict": _conflict(rows.column_names, keys)}
    with raw.cursor() as cursor:
        cursor.execute(_LIKE.format(**given))
        with cursor.copy(_COPY.format(**given)) as copy:
            for batch in rows.to_batches():
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
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
