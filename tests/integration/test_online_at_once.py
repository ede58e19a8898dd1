"""The online store under fire: loads, swaps and readers at once, and a load that is killed."""

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pyarrow as pa
import pytest

from hindcast.datatypes import STRING
from hindcast.errors import (
    InputError,
    StoreUnavailableError,
)
from hindcast.names import made_relation
from hindcast.stores.database import connect
from hindcast.stores.online import OnlineStore, ViewVersion
from tests.integration.online_store import (
    AS_OF,
    COLUMNS,
    VERSION,
    VIEW,
    publish,
    rows,
    run_ids,
    served,
)


def test_a_version_is_dropped_whole_once_nobody_reads_or_loads_it(store: OnlineStore) -> None:
    publish(store, "a")
    other = ViewVersion(VERSION.view, "2")
    publish(store, "a", version=other)
    with connect(store.url) as holder:
        holder.execute(f"SELECT * FROM hindcast.{VIEW}")
        assert not store.drop(VERSION)
    store.create_table(VERSION, "b", ["id"], COLUMNS)
    assert not store.drop(VERSION)
    store.close()
    assert store.drop(VERSION)
    assert (run_ids(store), store.current(VERSION), len(store.swaps(VERSION))) == (set(), None, 1)
    assert store.materialized().keys() == {other}
    assert publish(store, "c").run_id == "c"


def test_two_runs_load_side_by_side_and_both_publish(store: OnlineStore) -> None:
    with OnlineStore(store.url) as other:
        first = store.create_table(VERSION, "a", ["id"], COLUMNS)
        second = other.create_table(VERSION, "b", ["id"], COLUMNS)
        with pytest.raises(InputError, match="being loaded by another process"):
            other.create_table(VERSION, "a", ["id"], COLUMNS)
        store.load(first.table, rows(1))
        other.load(second.table, rows(1))
        other.publish(second, AS_OF, AS_OF, 1)
        store.publish(first, AS_OF, AS_OF, 1)
    assert [swap.run_id for swap in store.swaps(VERSION)] == ["a", "b"]


def test_publishes_at_once_take_turns(store: OnlineStore) -> None:
    threads = [threading.Thread(target=publish, args=(store, f"r{n}")) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    swaps = store.swaps(VERSION)
    assert sorted(swap.run_id for swap in swaps) == [f"r{n}" for n in range(6)]
    assert {row[-1] for row in served(store)} == {swaps[0].run_id}


def test_a_copy_of_the_store_loads_from_another_process(store: OnlineStore) -> None:
    version = store.create_table(VERSION, "a", ["id"], COLUMNS)
    remote = pickle.loads(pickle.dumps(store))
    assert remote.load(version.table, rows(5)) == 5
    assert store.publish(version, AS_OF, AS_OF, 5).rows == 5


def _load_forever(url: str, ready: "multiprocessing.synchronize.Event") -> None:
    store = OnlineStore(url)
    version = store.create_table(VERSION, "killed", ["id"], COLUMNS)
    batch = rows(1000).read_all().to_batches()[0]

    def endless() -> Iterator[pa.RecordBatch]:
        for _ in range(50):
            yield batch
        ready.set()
        while True:
            yield batch.slice(0, 0)

    store.load(version.table, rows(1000))
    store.load(version.table, pa.RecordBatchReader.from_batches(batch.schema, endless()))


def test_a_killed_load_is_never_seen_and_the_next_run_drops_it(store: OnlineStore) -> None:
    publish(store, "a")
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    loader = context.Process(target=_load_forever, args=(store.url, ready))
    loader.start()
    assert ready.wait(60)
    assert loader.pid is not None
    os.kill(loader.pid, signal.SIGKILL)
    loader.join()
    assert {row[-1] for row in served(store)} == {"a"}
    assert run_ids(store) == {"a", "killed"}
    _wait_until_only_this_session_is_left(store.url)
    publish(store, "b")
    assert run_ids(store) == {"a", "b"}


def _wait_until_only_this_session_is_left(url: str) -> None:
    """End what a killed client left running, and wait until Postgres says that it has ended."""
    with connect(url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def _read_until(url: str, stop: threading.Event, seen: list[set[object]]) -> None:
    """Ask a prepared SELECT for the whole view; each answer must be of one version.

    And so must what is said of how its rows were made.
    """
    with psycopg.connect(url, autocommit=True, prepare_threshold=0) as connection:
        query = (
            "SELECT income, found.features_as_of, found.materialization, made.materialization "
            f"FROM hindcast.{VIEW} AS found CROSS JOIN hindcast.{made_relation(VIEW)} AS made"
        )
        while not stop.is_set():
            found = connection.execute(query).fetchall()
            assert {row[2] for row in found} == {row[3] for row in found}
            seen.append({(*row, len(found)) for row in found})


def test_readers_never_fail_and_never_see_half_a_swap(store: OnlineStore) -> None:
    publish(store, "r0", count=50)
    stop, seen, errors = threading.Event(), list[set[object]](), list[Exception]()

    def read() -> None:
        try:
            _read_until(store.url, stop, seen)
        except (psycopg.Error, AssertionError) as error:
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for thread in readers:
        thread.start()
    for number in range(1, 21):
        _publish_wider(store, number)
        if number % 3 == 0:
            store.rollback(VERSION)
    stop.set()
    for thread in readers:
        thread.join()
    assert errors == []
    assert {len(answer) for answer in seen} == {1}
    assert len(set().union(*seen)) > 10


def _publish_wider(store: OnlineStore, number: int) -> None:
    """Publish a version that every other time has a column more, so that the view is remade."""
    columns = COLUMNS | ({"extra": STRING} if number % 2 else {})
    version = store.create_table(VERSION, f"r{number}", ["id"], columns)
    loaded = store.load(version.table, rows(50 + number, float(number)))
    as_of = AS_OF + timedelta(days=number)
    store.publish(version, as_of, as_of, loaded, force=True)


def test_a_reader_that_holds_the_view_delays_the_swap_but_not_for_long(store: OnlineStore) -> None:
    publish(store, "a")
    with connect(store.url) as holder:
        holder.execute(f"SELECT * FROM hindcast.{VIEW}")
        with pytest.raises(StoreUnavailableError, match="longer than 2s"):
            publish(store, "b")
    assert {row[-1] for row in served(store)} == {"a"}
