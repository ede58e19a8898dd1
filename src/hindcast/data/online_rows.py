"""What serving answers to many questions, read by one statement for all of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
from numpy.typing import NDArray

from hindcast import names
from hindcast.compiler.dialects import POSTGRES
from hindcast.compiler.service import CompiledService
from hindcast.errors import FeatureError, NotMaterializedError, StoreUnavailableError, first_line
from hindcast.serving.store import MISSING, PARAMETER
from hindcast.stores.database import connect

# Questions of one statement: fewer take longer each, more are only more memory.
ROWS = 20_000
# A name that no view, service or column has.
_QUESTIONS = POSTGRES.quote(f"{names.SEPARATOR}questions")
# Kinds of keys and request values -> the Postgres type that the driver sends a value of it as.
_SENT: Mapping[str, str] = {
    "bigint": "int8",
    "double": "float8",
    "decimal": "numeric",
    "boolean": "bool",
    "string": "text",
    "timestamp": "timestamptz",
    "date": "date",
}


class OnlineRows:
    """The rows of the online store that serving would read one by one, by its own SELECT."""

    def __init__(self, url: str, service: CompiledService, sql: str) -> None:
        """sql: the serving query of the service, which is joined to arrays of its parameters."""
        self._url, self._sql = url, sql
        self._kinds = [kind.kind for kind in (*service.keys.values(), *service.given.values())]
        self._parameters = [
            *(f"key_{number}" for number in range(len(service.keys))),
            *(f"given_{number}" for number in range(len(service.given))),
        ]

    def read(
        self, inputs: Sequence[pa.Array], as_of: datetime, schema: pa.Schema
    ) -> tuple[pa.Table, NDArray[np.bool_]]:
        """These columns of each question's row, and which questions have none: their values are
        null.

        inputs: the questions' keys and request values, in the order of the service. Raises
        StoreUnavailableError, NotMaterializedError, FeatureError.
        """
        columns: list[list[Any]] = [column.to_pylist() for column in inputs]
        asked = len(columns[0])
        places: list[int] = []
        tables = [schema.empty_table()]
        for start in range(0, asked, ROWS):
            part = [column[start : start + ROWS] for column in columns]
            rows = self._rows(part, as_of, schema)
            places += (start + row[0] for row in rows)
            found = [[row[at] for row in rows] for at in range(1, len(schema) + 1)]
            tables.append(pa.table([*map(pa.array, found, schema.types)], schema=schema))
        return _placed(pa.concat_tables(tables), np.array(places, np.int64), asked)

    def close(self) -> None:
        """Drop the connection."""
        if "_cursor" in self.__dict__:
            self._cursor.connection.close()

    def _rows(
        self, columns: list[list[Any]], as_of: datetime, schema: pa.Schema
    ) -> list[tuple[Any, ...]]:
        """The place of each question that has a row, and the row's values."""
        try:
            return self._cursor.execute(self._query(schema), [as_of, *columns]).fetchall()
        except psycopg.DataError as error:
            raise FeatureError(f"a feature cannot be computed: {first_line(error)}") from error
        except MISSING as error:
            raise NotMaterializedError(
                f"the online store does not have what is asked for: {first_line(error)}; "
                "run: hindcast materialize"
            ) from error
        except psycopg.Error as error:
            raise StoreUnavailableError(f"the online store: {first_line(error)}") from error

    def _query(self, schema: pa.Schema) -> str:
        """The serving query beside each question, whose values are columns where it has parameters;
        they have the types of those parameters, so that it computes the same."""
        numbered = {name: f"{_QUESTIONS}.{name}" for name in self._parameters}
        numbered[names.AS_OF] = "$1"
        one = PARAMETER.sub(lambda match: numbered.get(match[1], "%"), self._sql)
        arrays = ", ".join(f"${at}::{_SENT[kind]}[]" for at, kind in enumerate(self._kinds, 2))
        named = ", ".join(self._parameters)
        selected = ", ".join(f"answer.{POSTGRES.quote(name)}" for name in schema.names)
        return (
            f"SELECT place - 1, {selected} FROM unnest({arrays}) WITH ORDINALITY "
            f"AS {_QUESTIONS}({named}, place) CROSS JOIN LATERAL ({one}) AS answer"
        )

    @cached_property
    def _cursor(self) -> psycopg.Cursor[tuple[Any, ...]]:
        """Of a connection that waits as long as it takes: nobody waits for a batch's answer."""
        connection = connect(self._url, autocommit=True)
        connection.cursor_factory = psycopg.RawCursor
        return connection.cursor(binary=True)


def _placed(
    found: pa.Table, places: NDArray[np.int64], asked: int
) -> tuple[pa.Table, NDArray[np.bool_]]:
    """The rows in the order of the questions, nulls where one has none."""
    rows = np.full(asked, -1)
    rows[places] = np.arange(len(places))
    is_unknown = rows < 0
    return found.take(pa.array(rows, mask=is_unknown)), is_unknown
