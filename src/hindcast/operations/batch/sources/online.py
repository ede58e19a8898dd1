"""Every entity that a view of the online store has a row of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql

from hindcast import names
from hindcast.errors import NotFoundError, StoreUnavailableError, first_line
from hindcast.operations.batch.parts import PartContext, Refused
from hindcast.operations.batch.values import Strict
from hindcast.stores.database import connect
from hindcast.stores.online import ViewVersion


class OnlineKeysParams(Strict):
    """view: by default the only one."""

    view: str | None = None


class OnlineKeys:
    """The keys of a view's current rows, in their order."""

    Params = OnlineKeysParams

    refused: Sequence[Refused] = ()
    is_repeatable = True

    def __init__(self, params: OnlineKeysParams, context: PartContext) -> None:
        """Find the rows; raises NotFoundError where the view is not materialized."""
        application = context.application
        view = application.project.view(params.view)
        found = application.store.current(ViewVersion.of(view))
        if found is None:
            raise NotFoundError(
                f"data.source: feature view '{view.view.name}' is not in the online store; run: "
                "hindcast materialize"
            )
        self._url, self._table = application.database_url, found.table
        self._types = {name: kind.arrow() for name, kind in view.keys.items()}
        self.columns: Sequence[str] = list(self._types)
        self.facts: Mapping[str, Any] = {"view": view.view.name, "materialization": found.run_id}

    def tables(self, rows: int) -> Iterator[pa.Table]:
        """The keys of so many rows at a time."""
        keys = sql.SQL(", ").join(map(sql.Identifier, self.columns))
        table = sql.Identifier(names.ONLINE_SCHEMA, self._table)
        query = sql.SQL("SELECT {0} FROM {1} ORDER BY {0}").format(keys, table)
        try:
            with connect(self._url) as connection, connection.cursor("batch") as cursor:
                cursor.execute(query)
                while part := cursor.fetchmany(rows):
                    columns = zip(*part, strict=True)
                    yield pa.table(
                        {
                            name: pa.array(values, kind)
                            for (name, kind), values in zip(
                                self._types.items(), columns, strict=True
                            )
                        }
                    )
        except psycopg.Error as error:
            raise StoreUnavailableError(f"data.source: {first_line(error)}") from error

    def close(self) -> None:
        """Nothing is open between reads."""
