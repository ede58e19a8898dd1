"""The online store against a real Postgres: load, check, swap, roll back."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest

from hindcast.datatypes import BIGINT, BOOLEAN, DATE, DOUBLE, STRING, TIMESTAMP, DataType
from hindcast.errors import (
    HindcastError,
    InputError,
    NotFoundError,
    OnlineCheckError,
    StoreUnavailableError,
)
from hindcast.stores.online import OnlineStore, ViewVersion
from tests.integration.online_store import (
    AS_OF,
    COLUMNS,
    VERSION,
    VIEW,
    publish,
    reader,
    rows,
    run_ids,
    served,
)


def test_a_published_row_says_what_it_was_computed_from(store: OnlineStore) -> None:
    publish(store, "run1", count=1)
    assert served(store) == [(0, 1.0, AS_OF, "run1")]


def test_every_type_and_null_arrives_unchanged_whatever_the_column_order(
    store: OnlineStore,
) -> None:
    types = {
        "id": BIGINT,
        "d": DOUBLE,
        "b": BOOLEAN,
        "Mixed Case": STRING,
        "day": DATE,
        "t": TIMESTAMP,
        "n": DataType("decimal", 18, 6),
    }
    values = (7, 0.1, True, 'naïve % "q"', date(1960, 2, 29), AS_OF, Decimal("-12345678901.000001"))
    nulls = (8, None, None, None, None, None, None)
    both = {
        name: pa.array(pair, types[name].arrow())
        for name, pair in zip(types, zip(values, nulls, strict=True), strict=True)
    }
    version = store.create_table(VERSION, "run1", ["id"], types)
    loaded = store.load(version.table, reader(dict(reversed(both.items()))))
    store.publish(version, AS_OF, AS_OF, loaded)
    assert [row[:-2] for row in served(store)] == [values, nulls]


def test_arrow_types_that_binary_copy_would_misread_are_cast(store: OnlineStore) -> None:
    version = store.create_table(VERSION, "run1", ["id"], COLUMNS)
    small = reader({"id": pa.array([1], pa.int32()), "income": pa.array([2.5], pa.float32())})
    store.publish(version, AS_OF, AS_OF, store.load(version.table, small))
    assert served(store) == [(1, 2.5, AS_OF, "run1")]


def test_a_column_the_table_lacks_is_refused_by_name(store: OnlineStore) -> None:
    version = store.create_table(VERSION, "run1", ["id"], COLUMNS)
    with pytest.raises(InputError, match="no column 'agee'"):
        store.load(version.table, reader({"id": [1], "agee": [2]}))


def test_an_error_of_the_reader_comes_through_and_loads_nothing(store: OnlineStore) -> None:
    version = store.create_table(VERSION, "run1", ["id"], COLUMNS)
    batches = rows(1000).read_all().to_batches()

    def failing() -> Iterator[pa.RecordBatch]:
        yield from batches
        raise RuntimeError("the disk is gone")

    stream = pa.RecordBatchReader.from_batches(batches[0].schema, failing())
    with pytest.raises(RuntimeError, match="the disk is gone"):
        store.load(version.table, stream)
    store.publish(version, AS_OF, AS_OF, expected_rows=0)


def test_loading_a_table_that_is_not_there_says_so(store: OnlineStore) -> None:
    store.ensure()
    with pytest.raises(HindcastError, match="__gone"):
        store.load(f"{VIEW}__gone", rows(1))


def test_too_few_rows_are_not_swapped_in_even_by_force(store: OnlineStore) -> None:
    publish(store, "run1")
    version = store.create_table(VERSION, "run2", ["id"], COLUMNS)
    store.load(version.table, rows(2))
    with pytest.raises(OnlineCheckError, match="has 2 rows, 3 were expected"):
        store.publish(version, AS_OF, AS_OF, expected_rows=3, force=True)
    assert {row[-1] for row in served(store)} == {"run1"}


def test_a_repeated_key_is_not_swapped_in(store: OnlineStore) -> None:
    version = store.create_table(VERSION, "run1", ["id"], COLUMNS)
    loaded = store.load(version.table, rows(2)) + store.load(version.table, rows(2))
    with pytest.raises(OnlineCheckError, match="4 rows hold 2 different 'id'"):
        store.publish(version, AS_OF, AS_OF, loaded)


def test_a_missing_key_is_not_swapped_in(store: OnlineStore) -> None:
    version = store.create_table(VERSION, "run1", ["id"], COLUMNS)
    loaded = store.load(version.table, reader({"id": pa.array([1, None], pa.int64())}))
    with pytest.raises(OnlineCheckError, match="1 rows have no 'id'"):
        store.publish(version, AS_OF, AS_OF, loaded)


def test_a_jump_of_nulls_is_refused_with_the_column_and_numbers_unless_forced(
    store: OnlineStore,
) -> None:
    publish(store, "run1")
    with pytest.raises(OnlineCheckError, match=r"'income': 100\.0%, 0\.0% before"):
        publish(store, "run2", income=None)
    assert publish(store, "run3", income=None, force=True).null_rates == {"id": 0, "income": 1}


def test_losing_most_rows_is_refused_unless_forced(store: OnlineStore) -> None:
    publish(store, "run1", count=10)
    publish(store, "run2", count=5)
    with pytest.raises(OnlineCheckError, match="rows: 2, 5 before"):
        publish(store, "run3", count=2)
    assert publish(store, "run4", count=2, force=True).rows == 2


def test_a_rollback_goes_one_version_back_each_time(store: OnlineStore) -> None:
    for run_id in ("a", "b", "c"):
        publish(store, run_id)
    assert store.rollback(VERSION).run_id == "b"
    assert store.rollback(VERSION).run_id == "a"
    assert {row[-1] for row in served(store)} == {"a"}
    with pytest.raises(NotFoundError, match="no earlier table"):
        store.rollback(VERSION)


def test_after_a_rollback_the_abandoned_version_is_not_returned_to(store: OnlineStore) -> None:
    for run_id in ("a", "b"):
        publish(store, run_id)
    store.rollback(VERSION)
    publish(store, "c")
    assert store.rollback(VERSION).run_id == "a"


def test_what_was_current_when_stays_on_record(store: OnlineStore) -> None:
    assert store.current(VERSION) is None
    publish(store, "a")
    publish(store, "b")
    store.rollback(VERSION)
    record = [(swap.action, swap.run_id) for swap in store.swaps(VERSION)]
    assert record == [("rollback", "a"), ("publish", "b"), ("publish", "a")]
    now = store.current(VERSION)
    assert now is not None
    assert (now.run_id, now.as_of, now.of, now.rows) == ("a", AS_OF, VERSION, 3)


def test_the_last_three_version_tables_are_kept(store: OnlineStore) -> None:
    for run_id in "abcde":
        publish(store, run_id)
    assert run_ids(store) == {"c", "d", "e"}
    assert store.prune(VERSION, keep=1) == [f"{VIEW}__c", f"{VIEW}__d"]
    with pytest.raises(NotFoundError):
        store.rollback(VERSION)


def test_columns_may_change_from_version_to_version_and_back(store: OnlineStore) -> None:
    publish(store, "a", count=1)
    version = store.create_table(VERSION, "b", ["id"], {"name": STRING, "id": BIGINT})
    loaded = store.load(version.table, reader({"id": [0], "name": ["x"]}))
    store.publish(version, AS_OF, AS_OF, loaded)
    assert served(store) == [("x", 0, AS_OF, "b")]
    store.rollback(VERSION)
    assert served(store) == [(0, 1.0, AS_OF, "a")]


def test_versions_of_a_view_have_tables_swaps_and_ways_back_of_their_own(
    store: OnlineStore,
) -> None:
    long = ViewVersion("v" * 90 + "a", "1"), ViewVersion("v" * 90 + "b", "2")
    redefined = ViewVersion(VERSION.view, "2")
    for number, version in enumerate((VERSION, redefined, *long), 1):
        for run_id in ("a", "b"):
            publish(store, run_id, count=number, version=version)
    assert store.rollback(VERSION).run_id == "a"
    found = {of: (swap.run_id, swap.rows) for of, swap in store.materialized().items()}
    assert found == {VERSION: ("a", 1), redefined: ("b", 2), long[0]: ("b", 3), long[1]: ("b", 4)}
    assert len(served(store)) == 1


def test_names_that_do_not_fit_are_refused_before_anything_is_made(store: OnlineStore) -> None:
    with pytest.raises(InputError, match="longer than the 63 bytes"):
        store.create_table(VERSION, "r" * 60, ["id"], COLUMNS)
    with pytest.raises(InputError, match="run id 'a__b'"):
        store.create_table(VERSION, "a__b", ["id"], COLUMNS)
    with pytest.raises(InputError, match="lacks its key column"):
        store.create_table(VERSION, "a", ["key"], COLUMNS)


def test_a_run_is_published_once(store: OnlineStore) -> None:
    publish(store, "a")
    with pytest.raises(InputError, match="published already"):
        store.create_table(VERSION, "a", ["id"], COLUMNS)


def test_no_database_is_a_one_line_reason() -> None:
    store = OnlineStore("postgresql:///x?host=/nonexistent")
    with pytest.raises(StoreUnavailableError, match="cannot connect to Postgres") as error:
        store.current(VERSION)
    assert "\n" not in str(error.value)
    with pytest.raises(StoreUnavailableError, match="Failed to connect"):
        store.load("t", rows(1))
