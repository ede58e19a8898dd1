"""Quarantine: refused rows counted by kind of reason, listed newest first, and exported."""

from datetime import timedelta
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from hindcast.data.quarantine import QuarantineReport, quarantine
from hindcast.errors import InputError
from hindcast.stores.lake import Lake
from tests.integration.orders import GOOD, NOW, add, line, orders, write_csv


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(str(tmp_path / "lake"))
    first = write_csv(tmp_path, GOOD, line(amount="-1"), line(day="soon"), name="first.csv")
    add(first, lake)
    second = write_csv(
        tmp_path,
        line(amount="-2"),
        line(amount="-3", day="x"),
        GOOD + ",1",
        GOOD + ",1,2",
        name="second.csv",
    )
    add(second, lake, now=NOW + timedelta(days=1))
    return lake


def test_rows_refused_alike_are_one_kind_whatever_their_values(lake: Lake) -> None:
    report = quarantine([orders], lake)
    assert (report.rows, report.exported) == (6, None)
    assert sorted(report.reasons.values()) == [1, 1, 2, 2]
    assert next(iter(report.reasons)).startswith("amount '...' breaks check")
    assert report.newest[0].startswith("orders: second.csv line 2: amount '-2' breaks check")


def test_a_reason_chooses_rows_and_an_export_has_them_whole(lake: Lake, tmp_path: Path) -> None:
    for name in ("out.csv", "out.parquet"):
        out = tmp_path / name
        assert quarantine([orders], lake, "'soon' is not a date", out).exported == 1
        read = pyarrow.csv.read_csv if name.endswith("csv") else pq.read_table
        [row] = read(out).to_pylist()
        assert (row["source"], row["file"], row["line"]) == ("orders", "first.csv", 4)
        assert '"day":"soon"' in row["record"]


def test_nothing_refused_is_an_empty_report(tmp_path: Path) -> None:
    nothing, out = QuarantineReport(0, {}, (), 0), tmp_path / "out.csv"
    assert quarantine([orders], Lake(str(tmp_path / "none")), out=out) == nothing
    assert out.read_text().startswith('"source","file"')


def test_a_file_that_cannot_be_written_is_told_before_anything_is_read(lake: Lake) -> None:
    with pytest.raises(InputError, match=r"end the file's name in \.csv, \.jsonl"):
        quarantine([orders], lake, out=Path("rows.xlsx"))
