"""Files that ingest refuses whole, and commits nothing of; and those that only look wrong."""

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from hindcast.definitions import Csv
from hindcast.errors import HindcastError, InputError
from hindcast.formats import csv_lines
from hindcast.formats.csv_lines import Look
from hindcast.stores.lake import Lake
from tests.integration.orders import (
    GOOD,
    HEADER,
    add,
    line,
    orders,
    quarantine,
    raw,
    write_csv,
)


def test_a_quote_that_never_closes_refuses_the_file_with_its_line(
    tmp_path: Path, lake: Lake
) -> None:
    path = write_csv(tmp_path, GOOD, line(kind='"open'), *[GOOD] * 1000)
    with pytest.raises(InputError, match=r"^orders.csv line 3: a quote is opened in this record"):
        add(path, lake)
    assert raw(lake) == quarantine(lake) == []


def test_nothing_is_committed_when_a_record_was_not_read(
    tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = csv_lines.look

    def one_more(path: Path, form: Csv) -> Look | None:
        found = looked(path, form)
        assert found is not None
        return replace(found, lines=found.lines + 1)

    path = write_csv(tmp_path, GOOD, "torn")
    monkeypatch.setattr(csv_lines, "look", one_more)
    with pytest.raises(HindcastError, match=r"2 of 3 records were read"):
        add(path, lake)
    assert raw(lake) == quarantine(lake) == []
    monkeypatch.undo()
    assert add(path, lake).rows == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("orders.csv", b"", "the file is empty; its first line must name the columns"),
        ("orders.csv", b"id,day\n1,2021-05-01\n", "column 'order' of source 'orders' is missing"),
        ("orders.csv", f"{HEADER},id\n".encode(), "column 'id' is in the header twice"),
        ("orders.csv", f"{HEADER},ID\n".encode(), "column 'ID' is in the header twice; rename one"),
        (
            "orders.csv",
            f"{HEADER},\n{GOOD},\n".encode(),
            "column 8 of the header has no name; name it, or remove the extra delimiter",
        ),
        ("orders.csv", b"ID" + HEADER[2:].encode(), "column 'id' of source 'orders' is missing"),
        (
            "orders.txt",
            HEADER.encode(),
            r"not .csv, .jsonl or .parquet \(.*; rename or",
        ),
        ("orders.parquet", HEADER.encode(), "not a Parquet file"),
        ("orders.csv.gz", HEADER.encode(), "cannot be unpacked: Not a gzipped file"),
        (
            "orders.csv.gz",
            gzip.compress("\n".join([HEADER, *[GOOD] * 999]).encode())[:90],
            "cannot be unpacked: Compressed file ended before the end",
        ),
    ],
    ids=[
        "empty",
        "missing",
        "twice",
        "ID and id",
        "comma too many",
        "case",
        "ending",
        "parquet",
        "gzip",
        "truncated",
    ],
)
def test_a_file_that_cannot_be_of_the_source_is_refused_whole(
    tmp_path: Path, lake: Lake, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as refusal:
        add(path, lake)
    assert str(refusal.value).startswith(f"{name}: ")
    assert raw(lake) == quarantine(lake) == []


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\n{GOOD}\r\n{GOOD}\n",
        f"{HEADER}\r\n{GOOD}\r\n{GOOD}\n",
        f"{HEADER}\n{GOOD}\r{GOOD}\n",
    ],
    ids=["one of Windows", "one of Unix", "one of an old Mac"],
)
def test_mixed_line_ends_are_read(tmp_path: Path, lake: Lake, content: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(content.encode())
    assert add(path, lake).accepted == 2
    assert [row["kind"] for row in raw(lake)] == ["cash", "cash"]


def test_a_refused_file_can_be_ingested_once_it_is_mended(tmp_path: Path, lake: Lake) -> None:
    packed = gzip.compress("\n".join([HEADER, *[GOOD] * 999]).encode())
    path = tmp_path / "orders.csv.gz"
    path.write_bytes(packed[:90])
    with pytest.raises(InputError):
        add(path, lake)
    path.write_bytes(packed)
    assert add(path, lake).accepted == len(raw(lake)) == 999


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path, lake: Lake) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv: no such file"):
        add(tmp_path / "nowhere.csv", lake, orders)
