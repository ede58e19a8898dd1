"""What the Spark engine commits to the Delta log: files, their bounds, schema and run."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable, write_deltalake

from hindcast.engines.base import Engine
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.engines.spark import SparkEngine
from tests.integration.payments import (
    CONSTANTS,
    START,
    contents,
    events,
    materialization,
    target,
    write,
)


@pytest.fixture
def raw(tmp_path: Path) -> DeltaTable:
    write_deltalake(str(tmp_path / "raw"), events())
    return DeltaTable(str(tmp_path / "raw"))


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


@pytest.mark.parametrize("engine", [SparkEngine(), DuckDBEngine()], ids=["spark", "duckdb"])
def test_no_version_of_the_features_is_cleaned_up(
    raw: DeltaTable, tmp_path: Path, engine: Engine
) -> None:
    folder = tmp_path / "features"
    write(engine, raw, folder)
    eager = {"delta.logRetentionDuration": "interval 0 seconds", "delta.checkpointInterval": "3"}
    DeltaTable(str(folder)).alter.set_table_properties(eager)
    write(engine, raw, folder)
    assert list((folder / "_delta_log").glob("*.checkpoint.parquet"))
    assert DeltaTable(str(folder), version=0).to_pyarrow_table().num_rows == 240


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
        assert computed.write_offline(target(folder, columns)).events == 240
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
