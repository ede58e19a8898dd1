"""Tables from files and to files: text as it stands, rows by their lines, endings, whole files."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hindcast.errors import InputError
from hindcast.formats import spine_file, table_file

TABLE = pa.table({"id": ["1", "02"], "note": ["a, b", None]})
LINES = 'id,note\n1,"a, b"\n02,\n'


def test_csv_is_text_in_its_order_and_an_empty_value_is_null(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(LINES)
    assert spine_file.read(path).table.equals(TABLE)
    with gzip.open(tmp_path / "rows.csv.gz", "wt") as zipped:
        zipped.write(LINES)
    assert spine_file.read(tmp_path / "rows.csv.gz").table.equals(TABLE)


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    table = pa.table({"id": [2, 1], "at": [datetime(2021, 3, 1, tzinfo=UTC)] * 2})
    pq.write_table(table, tmp_path / "rows.parquet")
    found = spine_file.read(tmp_path / "rows.parquet")
    assert found.table.equals(table)
    assert found.where(1) == "rows.parquet row 2"


def test_a_row_is_called_by_its_line_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('id,note\n\n1,"two\nlines"\n2,\n')
    found = spine_file.read(path)
    assert [found.where(row) for row in (0, 1)] == ["rows.csv line 3", "rows.csv line 5"]
    assert spine_file.Rows(TABLE, "keys").where(0) == "keys row 1"


def test_a_blank_line_of_a_single_column_is_a_row_without_a_value(tmp_path: Path) -> None:
    path = tmp_path / "keys.csv"
    path.write_text("id\n1\n\n2\n")
    found = spine_file.read(path)
    assert found.table["id"].to_pylist() == ["1", None, "2"]
    assert [found.where(row) for row in range(3)] == [f"keys.csv line {n}" for n in (2, 3, 4)]


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("id,note\n")
    assert spine_file.read(path).table.equals(TABLE.schema.empty_table())


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        (
            "rows.txt",
            "id\n1\n",
            r"rows.txt: not .csv, .jsonl or .parquet \(.*; rename or convert",
        ),
        ("rows.csv", "", "rows.csv: the file is empty; its first line must name the columns"),
        ("rows.csv", "id,note\n1,a\n2\n", r"rows.csv line 3: .*; correct the line"),
        ("rows.csv", "id,ID\n1,a\n", "rows.csv: column 'ID' is in the header twice; rename one"),
        ("rows.parquet", "id\n1\n", "rows.parquet: not a Parquet file"),
        ("rows.csv.gz", "id\n1\n", "rows.csv.gz: cannot be unpacked: Not a gzipped file"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    tmp_path: Path, name: str, text: str, reason: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=f"^{reason}"):
        spine_file.read(tmp_path / name)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file; name a CSV or Parquet file"):
        spine_file.read(tmp_path / "rows.csv")


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.parquet"])
def test_a_table_is_written_by_the_files_ending(tmp_path: Path, name: str) -> None:
    assert table_file.write(TABLE, tmp_path / name) == 2
    assert spine_file.read(tmp_path / name).table.equals(TABLE)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["out.txt", "out.csv.gz", "out"])
def test_no_other_ending_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"end the file's name in .csv"):
        table_file.check_out(tmp_path / name)


def test_an_array_is_text_in_csv(tmp_path: Path) -> None:
    table_file.write(pa.table({"vector": [[0.1, -2.0], None]}), tmp_path / "rows.csv")
    assert (tmp_path / "rows.csv").read_text() == '"vector"\n"[0.1, -2.0]"\n\n'


def test_a_folder_that_is_not_there_is_said_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"there is no folder {tmp_path / 'gone'}; make it"):
        table_file.check_out(tmp_path / "gone" / "out.csv")


def test_what_cannot_be_written_leaves_the_file_before_it(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    table_file.write(TABLE, path)
    with pytest.raises(InputError, match=r"out.csv: cannot be written: "):
        table_file.write(pa.table({"nested": [{"a": 1}]}), path)
    assert spine_file.read(path).table.equals(TABLE)
    assert [found.name for found in tmp_path.iterdir()] == ["out.csv"]
