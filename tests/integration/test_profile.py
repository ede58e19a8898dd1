"""What hindcast profile proposes of a file can be pasted, loads, and ingests that file whole."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from hindcast import cli, names, project
from hindcast.data.ingest import add_file
from hindcast.data.profile import profile
from hindcast.definitions import Source
from hindcast.demo.generate import generate
from hindcast.errors import InputError
from hindcast.stores.lake import Lake
from tests.integration.orders import GOOD, HEADER, NOW, raw, write_csv

SHOP = (
    "customer_id;opened on;paid;note;vip;n\n"
    "007;13.05.2021 10:00;1,5;x;true;1\n"
    "007;14.05.2021 11:30;NA;naïve €;false;2\n"
    "009;01.05.2021 09:00;3;;true;3\n"
)


def proposed(path: Path) -> Source:
    """The source that is proposed of a file, once pasted."""
    (path.parent / "definitions.py").write_text(profile(path))
    return project.load(path.parent).source()


def check_ingests(path: Path, source: Source, rows: int) -> None:
    """Every row of the file is accepted by the source."""
    lake = Lake(str(path.parent / "lake"))
    report = add_file(path, source, lake, NOW)
    assert (report.accepted, report.quarantined) == (rows, 0)
    assert len(raw(lake, source)) == rows


def test_a_csv_file_of_another_land_is_proposed_with_its_format(tmp_path: Path) -> None:
    path = tmp_path / "shop visits.txt"
    path.write_text(SHOP, encoding="cp1252")
    source = proposed(path)
    assert (source.name, source.first.name, source.first.key) == (
        "shop_visits", "customer", "customer_id",
    )  # fmt: skip
    assert (source.event_timestamp, source.tiebreaker) == ("opened on", "n")
    assert dict(source.schema) == {
        "customer_id": "string", "opened on": "timestamp", "paid": "double", "note": "string",
        "vip": "boolean", "n": "bigint",
    }  # fmt: skip
    assert "# 33.3% null" in profile(path)
    check_ingests(path, source, rows=3)


def test_the_values_of_json_lines_are_proposed_by_their_paths(tmp_path: Path) -> None:
    path = tmp_path / "payments.jsonl"
    records = [
        {"id": n // 2, "at": 1619863200000 + n, "of": {"paid": n / 4, "by": None}, "tags": [n]}
        for n in range(4)
    ]
    path.write_text("\n".join(map(json.dumps, records)))
    source = proposed(path)
    assert dict(source.schema) == {"id": "bigint", "at": "timestamp", "of_paid": "double"}
    assert source.tiebreaker == names.EVENT_DIGEST  # No column tells every row from another.
    check_ingests(path, source, rows=4)


def test_a_parquet_file_is_proposed_with_its_types(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    rows = {
        "n": pa.array([1, 2], pa.int32()), "store_code": ["a", "a"], "f": pa.array([0.5, None]),
        "at": pa.array([0, 1], pa.timestamp("us")), "amount": pa.array([1, 2], pa.decimal128(9, 2)),
        "lists": pa.array([[1], [2, 3]]), "texts": pa.array([["a"], ["b"]]),
        "vector": pa.array([[1.5, 2], None], pa.list_(pa.float32())),
        "recorded_at": pa.array([5, 6], pa.timestamp("us", "UTC")),
    }  # fmt: skip
    pq.write_table(pa.table(rows), path)
    source = proposed(path)
    assert (source.event_timestamp, source.recorded_at) == ("at", "recorded_at")
    assert (source.first.key, source.tiebreaker) == ("store_code", "n")
    assert source.schema["amount"] == "decimal(9,2)"
    assert "list" not in source.schema
    check_ingests(path, source, rows=2)


def test_the_examples_loans_are_proposed_as_they_are_declared(tmp_path: Path) -> None:
    path = tmp_path / "loans.csv"
    generate(path, customers=30, seed=1)
    text = CliRunner().invoke(cli.app, ["profile", str(tmp_path / "*.csv")])
    assert text.exit_code == 0, text.output
    assert 'key="id"' in text.stdout
    assert 'event_timestamp="loan_date"' in text.stdout
    assert 'tiebreaker="loan_id"' in text.stdout


@pytest.mark.parametrize(
    ("header", "line", "reason"),
    [
        ("id,n", "1,2", "no column is a date or a timestamp in every row"),
        ("day,rate", "2021-05-01,0.5", "no column is a whole number or text in every row"),
        (HEADER, GOOD.replace("2021-05-01", ""), "no column is a date or a timestamp"),
    ],
)
def test_a_file_without_a_key_or_an_instant_is_told_so(
    tmp_path: Path, header: str, line: str, reason: str
) -> None:
    with pytest.raises(InputError, match=f"^orders.csv: {reason}"):
        profile(write_csv(tmp_path, line, header=header))
