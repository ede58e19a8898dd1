"""Point-in-time retrieval from Python: two clocks, whole spines, online rows."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from hindcast import names
from hindcast.bootstrap import engine
from hindcast.compiler import query
from hindcast.compiler.features import CompiledView
from hindcast.data import retrieve
from hindcast.data import spine as spines
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.errors import NotFoundError, StoreUnavailableError
from hindcast.formats.spine_file import Rows
from hindcast.stores.lake import Lake
from tests.integration.lending import (
    APRIL,
    AT_ONCE,
    FEBRUARY,
    HEADER,
    JANUARY,
    LATE,
    ON_TIME,
    lake_of,
    published,
    view_of,
)  # fmt: skip
from tests.integration.orders import add, write_csv


@pytest.fixture
def view(tmp_path: Path) -> CompiledView:
    return view_of(tmp_path / "project")


@pytest.fixture
def lake(tmp_path: Path, view: CompiledView) -> Lake:
    return lake_of(tmp_path / "home", view)


def loans_before(lake: Lake, view: CompiledView, as_of: datetime, known_by: datetime) -> int:
    spine = pa.table({"id": [1], "as_of": [as_of]})
    found = retrieve.historical(view, DuckDBEngine(), lake, spine, known_by)
    count: int = found["loans_before"][0].as_py()
    return count


def test_a_loan_recorded_in_march_changes_february_for_those_who_ask_in_april(
    lake: Lake, view: CompiledView
) -> None:
    assert loans_before(lake, view, FEBRUARY, known_by=APRIL) == 2
    assert loans_before(lake, view, FEBRUARY, known_by=FEBRUARY) == 1
    assert loans_before(lake, view, JANUARY, known_by=APRIL) == 0
    assert loans_before(lake, view, FEBRUARY, known_by=FEBRUARY.replace(tzinfo=None)) == 1


def test_without_a_clock_of_its_own_a_source_is_known_from_its_ingest_on(tmp_path: Path) -> None:
    view, lake = view_of(tmp_path / "project", None), Lake(str(tmp_path / "lake"))
    header = HEADER.removesuffix(",recorded_at")
    for line, now in ((ON_TIME, AT_ONCE), (LATE, datetime(2021, 3, 10, tzinfo=UTC))):
        path = write_csv(tmp_path, line.rpartition(",")[0], header=header, name="loans.csv")
        add(path, lake, view.view.source, now)
    assert loans_before(lake, view, FEBRUARY, known_by=APRIL) == 2
    assert loans_before(lake, view, FEBRUARY, known_by=FEBRUARY) == 1
    assert loans_before(lake, view, FEBRUARY, known_by=JANUARY) == 0


def test_a_version_of_the_raw_table_can_be_asked(
    lake: Lake, view: CompiledView, tmp_path: Path
) -> None:
    before = lake.open(names.RAW, "loans", fix="").version()
    more = write_csv(tmp_path, LATE.replace(",2,", ",3,"), header=HEADER, name="more.csv")
    add(more, lake, view.view.source)
    spine = pa.table({"id": [1], "as_of": [APRIL]})
    found = [
        retrieve.historical(view, DuckDBEngine(), lake, spine, APRIL, versions=versions)
        for versions in (None, {"loans": before})
    ]
    assert [table["loans_before"].to_pylist() for table in found] == [[3], [2]]


@pytest.mark.parametrize("name", ["duckdb", "spark"])
def test_order_duplicates_and_unknown_keys_are_kept(
    lake: Lake, view: CompiledView, name: str
) -> None:
    spine = pa.table(
        {
            "note": ["a", "b", "c", "d"],
            "id": pa.array([2, 9, 1, 2], pa.int32()),
            "event_timestamp": pa.array([APRIL, APRIL, FEBRUARY, APRIL], pa.timestamp("ms")),
        }
    )
    found = retrieve.retrieve(view, engine(name), lake, Rows(spine), APRIL)
    assert found.table.select(spine.column_names).equals(spine)
    assert found.table["loans_before"].to_pylist() == [1, 0, 2, 1]
    assert found.table["amount_before"].to_pylist()[1] is None
    assert found.table["age"].to_pylist() == [None, None, 31, None]
    assert found.has_history.to_pylist() == [True, False, True, True]
    assert found.unknown_keys == 1
    types = [feature.datatype.arrow() for feature in view.features]
    assert found.table.schema.types[3:] == types


@pytest.mark.parametrize("name", ["duckdb", "spark"])
def test_a_spine_without_rows_has_the_columns_and_no_rows(
    lake: Lake, view: CompiledView, name: str
) -> None:
    spine = pa.table({"id": pa.array([], pa.int64()), "as_of": pa.array([], pa.date32())})
    found = retrieve.historical(view, engine(name), lake, spine, APRIL)
    assert found.num_rows == 0
    assert found.column_names == ["id", "as_of", *(feature.name for feature in view.features)]


def test_spark_sends_the_keys_to_the_history_and_shuffles_it_once_at_most(
    lake: Lake, view: CompiledView
) -> None:
    from hindcast.engines.spark import engine as spark_engine
    from hindcast.engines.spark.session import session

    spark = session()
    raw = lake.open(names.RAW, "loans", fix="")
    spark_engine._register(spark, raw, view.view.source)
    instant = pa.timestamp("us", tz="UTC")
    april = pa.array([APRIL], instant)
    spine = spines.typed(view, {"id": pa.array([1])}, as_of=april, known_by=april)
    spark_engine._frame(spark, spine).createOrReplaceTempView("spine")
    rows = spark.sql(query.historical(view, "spark", APRIL))
    execution = rows._jdf.queryExecution()
    rows._jdf.collectAsList()
    plan = execution.executedPlan().toString().split("== Initial Plan ==")[0]
    assert plan.count("Exchange hashpartitioning(_key") == 1
    assert plan.count("BroadcastHashJoin") == 1
    assert "SortMergeJoin" not in plan


def test_a_lake_without_the_source_says_what_to_do(tmp_path: Path, view: CompiledView) -> None:
    spine = pa.table({"id": [1], "as_of": [APRIL]})
    with pytest.raises(NotFoundError, match="run: hindcast ingest FILE"):
        retrieve.historical(view, DuckDBEngine(), Lake(str(tmp_path)), spine, APRIL)


def test_online_rows_come_typed_and_in_the_order_of_the_keys(
    lake: Lake, view: CompiledView, database_url: str
) -> None:
    run = published(view, lake, database_url)
    found = retrieve.online(view, database_url, ["2", "9", "1", "2"], datetime(2030, 2, 1, 12))  # noqa: DTZ001
    instant = pa.timestamp("us", tz="UTC")
    assert found.schema == pa.schema(
        [
            ("id", pa.int64()), ("loans_before", pa.int64()), ("amount_before", pa.float64()),
            ("rate", pa.float64()), ("born", pa.date32()), ("age", pa.int64()),
            ("features_as_of", instant), ("materialization", pa.string()),
        ]
    )  # fmt: skip
    assert found["id"].to_pylist() == [2, 9, 1, 2]
    assert found["loans_before"].to_pylist() == [1, None, 2, 1]
    assert found["amount_before"].to_pylist() == [1.0, None, 30.75, 1.0]
    assert found["age"].to_pylist() == [None, None, 40, None]
    assert found["features_as_of"].to_pylist() == [APRIL, None, APRIL, APRIL]
    assert found["materialization"].to_pylist() == [run, None, run, run]


def test_more_keys_than_one_round_trip_holds_and_none_at_all(
    lake: Lake, view: CompiledView, database_url: str
) -> None:
    published(view, lake, database_url)
    keys = [n % 3 for n in range(1201)]
    found = retrieve.online(view, database_url, keys, APRIL)
    assert found["id"].to_pylist() == keys
    assert found["loans_before"].to_pylist() == [[None, 2, 1][key] for key in keys]
    nothing = retrieve.online(view, database_url, [], APRIL)
    assert (nothing.num_rows, nothing.schema) == (0, found.schema)


def test_what_was_never_materialized_or_by_other_definitions_is_said(
    lake: Lake, view: CompiledView, database_url: str
) -> None:
    with pytest.raises(NotFoundError, match="'history' is not in the online store yet; run: hind"):
        retrieve.online(view, database_url, [1], APRIL)
    published(view, lake, database_url)
    changed = replace(view, definition_hash="other")
    with pytest.raises(NotFoundError, match="as it is defined now is not in the online store yet"):
        retrieve.online(changed, database_url, [1], APRIL)
    with pytest.raises(StoreUnavailableError):
        retrieve.online(view, "postgresql://localhost:1/none", [1], APRIL)
