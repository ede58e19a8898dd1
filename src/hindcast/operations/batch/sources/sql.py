"""A query on any database that SQLAlchemy reaches, streamed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from itertools import islice
from typing import Any

import pyarrow as pa
import sqlglot
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlglot import exp

from hindcast.errors import InputError, first_line
from hindcast.operations.batch import references
from hindcast.operations.batch.parts import PartContext, Refused
from hindcast.operations.batch.references import Reference
from hindcast.operations.batch.values import Strict

# Rows that types are told by.
SAMPLE_ROWS = 1000


class SqlSourceParams(Strict):
    """url: SQLAlchemy's, secrets by reference. query: one SELECT."""

    url: Reference
    query: str


class SqlSource:
    """Rows of a query; in an order of its own where it says ORDER BY, else not to be resumed."""

    Params = SqlSourceParams

    refused: Sequence[Refused] = ()

    def __init__(self, params: SqlSourceParams, context: PartContext) -> None:
        """Connect; raises InputError for a URL or a query that is none."""
        self._query = params.query
        self.is_repeatable = _is_ordered(params.query)
        self.facts: Mapping[str, Any] = {"url": params.url, "query": params.query}
        self._engine = engine_of(params.url, "data.source.params.url")

    @cached_property
    def columns(self) -> Sequence[str]:
        """Of the query's result."""
        with self._reading() as connection, closing(self._run(connection)) as found:
            return list(found.keys())

    def tables(self, rows: int) -> Iterator[pa.Table]:
        """Tables of so many rows, as the server gives them; their types are the first table's."""
        with self._reading() as connection, closing(self._run(connection, rows)) as result:
            found = iter(result)
            schema: pa.Schema | None = None
            while part := list(islice(found, rows)):
                columns = {
                    name: [row[place] for row in part] for place, name in enumerate(self.columns)
                }
                table = _typed(columns, schema)
                schema = schema or table.schema
                yield table

    def close(self) -> None:
        """Give up the connections."""
        self._engine.dispose()

    def _reading(self) -> Connection:
        try:
            return self._engine.connect()
        except SQLAlchemyError as error:
            raise InputError(f"data.source: cannot connect: {reason(error)}") from error

    def _run(self, connection: Connection, rows: int = SAMPLE_ROWS) -> Any:
        try:
            streamed = connection.execution_options(stream_results=True, yield_per=rows)
            return streamed.execute(text(self._query))
        except SQLAlchemyError as error:
            raise InputError(f"data.source.params.query: {reason(error)}") from error


def engine_of(url: str, where: str) -> Engine:
    """An engine for a URL with references; no message has it."""
    try:
        return create_engine(references.resolved(url))
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        named = first_line(error) if isinstance(error, ModuleNotFoundError) else "no such database"
        raise InputError(
            f"{where}: {named}; write SQLAlchemy's URL, such as postgresql+psycopg://, and "
            "install its driver"
        ) from None


def reason(error: Exception) -> str:
    """What the driver says, without the statement and the parameters that SQLAlchemy adds."""
    return first_line(getattr(error, "orig", None) or error)


def _typed(columns: Mapping[str, list[Any]], schema: pa.Schema | None) -> pa.Table:
    try:
        return pa.table(dict(columns), schema=schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(
            f"data.source.params.query: a column changes its type: {first_line(error)}; cast it in "
            "the query"
        ) from error


def _is_ordered(query: str) -> bool:
    """Whether the outermost SELECT has an ORDER BY; of a dialect that cannot be read, no."""
    try:
        found = sqlglot.parse_one(query)
    except sqlglot.errors.SqlglotError:
        return False
    return isinstance(found, exp.Query) and found.args.get("order") is not None
