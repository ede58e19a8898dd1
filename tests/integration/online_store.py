"""A small view to load and swap, and what the database holds of it."""

from datetime import UTC, datetime

import pyarrow as pa

from hindcast.datatypes import BIGINT, DOUBLE
from hindcast.stores.database import connect
from hindcast.stores.online import OnlineStore, Swap, ViewVersion

VERSION = ViewVersion("credit_history", "1f00d5")


VIEW = VERSION.relation


AS_OF = datetime(2021, 9, 17, tzinfo=UTC)


COLUMNS = {"id": BIGINT, "income": DOUBLE}


def reader(columns: dict[str, pa.Array | list[object]]) -> pa.RecordBatchReader:
    table = pa.table(columns)
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches())


def rows(count: int, income: float | None = 1.0) -> pa.RecordBatchReader:
    ids = pa.array(range(count), pa.int64())
    return reader({"id": ids, "income": pa.array([income] * count, pa.float64())})


def publish(
    store: OnlineStore,
    run_id: str,
    count: int = 3,
    income: float | None = 1.0,
    force: bool = False,
    version: ViewVersion = VERSION,
) -> Swap:
    loading = store.create_table(version, run_id, ["id"], COLUMNS)
    loaded = store.load(loading.table, rows(count, income))
    return store.publish(loading, AS_OF, AS_OF, loaded, force)


def served(store: OnlineStore) -> list[tuple[object, ...]]:
    with connect(store.url) as connection:
        return connection.execute(f"SELECT * FROM hindcast.{VIEW} ORDER BY 1").fetchall()


def run_ids(store: OnlineStore) -> set[str]:
    with connect(store.url) as connection:
        found = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'hindcast' AND tablename LIKE %s",
            [f"{VIEW}\\_\\_%"],
        )
        return {name.removeprefix(f"{VIEW}__") for (name,) in found}
