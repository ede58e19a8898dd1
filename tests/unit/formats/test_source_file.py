"""Every record of a file is read once and whole, as a row or as torn, or the file is refused."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from hindcast.definitions import Csv
from hindcast.engines.duckdb import session
from hindcast.errors import HindcastError, InputError
from hindcast.formats import csv_lines, spine_file
from hindcast.formats.csv_lines import CsvLines
from hindcast.formats.packed import unpacked
from hindcast.formats.source_file import opened
from tests.unit.formats import hostile
from tests.unit.formats.hostile import Found

HOSTILE = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

CONTENT = b"id,at\n1,2021-05-01\n2,2021-05-01\n3,2021-05-01\n"
# By the zstd command, which adds a checksum.
ZSTD = bytes.fromhex(
    "28b52ffd0458ed0000a869642c61740a312c323032312d30352d30310a323302008013809b4cb115d5ab"
)


def read(path: Path) -> Found:
    """What Hindcast reads of a file."""
    with session() as connection, opened(path, path.name, connection) as file:
        rows = connection.sql(f"SELECT * FROM {file.relation(connection)}").fetchall()
        torn = file.torn(connection, len(rows))
        lines = file.lines(np.arange(len(rows))).tolist()
    cells = [list(row) for row in rows]
    return Found(
        list(zip(lines, cells, strict=True)), [(each.line, each.record) for each in torn], None
    )


@HOSTILE
@given(content=hostile.files())
def test_a_csv_file_is_read_as_the_csv_module_reads_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.csv"
    path.write_bytes(content)
    expected = hostile.found(content)
    if expected.open_line:
        with pytest.raises(InputError, match=f"some.csv line {expected.open_line}: a quote is"):
            read(path)
    else:
        assert read(path) == expected
    check_spine(path, expected)


def check_spine(path: Path, expected: Found) -> None:
    """Read as a spine, the file is there whole, or refused with the first line that is no row."""
    refused = expected.open_line or next((line for line, _ in expected.torn), None)
    if refused:
        with pytest.raises(InputError, match=f"^some.csv line {refused}: "):
            spine_file.read(path)
        return
    found = spine_file.read(path)
    cells = [list(row.values()) for row in found.table.to_pylist()]
    assert cells == [own for _, own in expected.rows]
    for row, (line, _) in enumerate(expected.rows):
        assert found.where(row) == f"some.csv line {line}"


def test_a_gzip_file_damaged_anywhere_is_refused(tmp_path: Path) -> None:
    content = "".join(f"{n},{n * 7919 % 1000},x\n" for n in range(500)).encode()
    good = gzip.compress(content, mtime=0)
    path = tmp_path / "some.csv.gz"
    # Before it the header has a time and the packer's name, which are no content.
    for place in range(10, len(good), 7):
        flipped = bytearray(good)
        flipped[place] ^= 1 << place % 8
        for damaged in (good[:place], bytes(flipped)):
            path.write_bytes(damaged)
            with pytest.raises(InputError, match=r"^some.csv.gz: cannot be unpacked: .*copy it"):
                unpacked(path, path.name, tmp_path)
    path.write_bytes(good)
    assert unpacked(path, path.name, tmp_path).read_bytes() == content


def test_a_zstd_file_cut_anywhere_or_changed_under_its_checksum_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "some.csv.zst"
    # Before it the frame's header says how much memory to read it with.
    for place in range(6, len(ZSTD)):
        flipped = bytearray(ZSTD)
        flipped[place] ^= 1 << place % 8
        for damaged in (ZSTD[:place], bytes(flipped), ZSTD + b"more"):
            path.write_bytes(damaged)
            with pytest.raises(InputError, match=r"^some.csv.zst: cannot be unpacked: .*copy it"):
                unpacked(path, path.name, tmp_path)
    path.write_bytes(ZSTD + ZSTD)
    assert unpacked(path, path.name, tmp_path).read_bytes() == CONTENT + CONTENT


def test_plain_lines_are_read_by_duckdb_and_only_those(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    for text, is_plain in [
        ('a,b\n1,"x ""y"", z"\n\n2,\n', True),
        ("a,b\r\n1,2\r\n3,4", True),
        ('a,b\n1,"x\ny"\n', False),
        ('a,b\n1,5" pipe\n', False),
        ("a,b\n1,2\r\n", False),
        ("a,b\r1,2\r", False),
        ("a,b\n1," + "x" * 2**21 + "\n", False),
    ]:
        path.write_text(text, newline="")
        assert (csv_lines.look(path, Csv()) is not None) == is_plain, text[:20]


def test_places_hold_over_many_blocks(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    blank, torn = set(range(5, 300_000, 9_973)), set(range(7, 300_000, 7_919))
    lines = ["" if n in blank else "torn" if n in torn else f"{n},x" for n in range(2, 300_001)]
    path.write_text("\n".join(["line,two", *lines]))
    found = read(path)
    assert [line for line, _ in found.torn] == sorted(torn - blank)
    assert {record for _, record in found.torn} == {"torn"}
    assert all(cells == [str(line), "x"] for line, cells in found.rows)
    assert len(found.rows) == 299_999 - len(blank | torn)


def test_a_record_that_the_reader_lost_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    found = csv_lines.look(path, Csv())
    assert found is not None
    with session() as connection:
        file = CsvLines(path, "some.csv", ["a", "b"], found)
        connection.sql(f"SELECT * FROM {file.relation(connection)}").fetchall()
        with pytest.raises(
            HindcastError, match=r"some.csv: nothing was added, as 1 of 2 records were"
        ):
            file.torn(connection, 1)


def test_the_rows_of_a_parquet_file_are_counted_from_one(tmp_path: Path) -> None:
    path = tmp_path / "some.parquet"
    pq.write_table(pa.table({"one": [5, 6]}), path)
    assert [line for line, _ in read(path).rows] == [1, 2]


@pytest.mark.parametrize("second", ["note", "Note"])
def test_a_parquet_file_with_a_column_twice_is_refused(tmp_path: Path, second: str) -> None:
    path = tmp_path / "some.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(["x"]), pa.array(["y"])], ["note", second]), path)
    with pytest.raises(InputError, match=f"some.parquet: column '{second}' is in the file twice"):
        read(path)
