"""Lines of a CSV file are counted as Python's csv module counts them."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hindcast.formats.source_file import Rejected, SourceFile

ENDS = ("\n", "\r\n", "\r")
CELLS = st.text('ab ,"\n\ré', max_size=6)


@st.composite
def records(draw: st.DrawFn) -> list[str]:
    """A record of two or three cells, each in quotes where it must be or where it pleases."""
    cells = draw(st.lists(CELLS, min_size=2, max_size=3))
    return [cell if cell.isalpha() and draw(st.booleans()) else quoted(cell) for cell in cells]


def quoted(cell: str) -> str:
    doubled = cell.replace('"', '""')
    return f'"{doubled}"'


def write(path: Path, lines: list[str], end: str, is_ended: bool) -> None:
    text = end.join(lines) + (end if is_ended else "")
    raw = text.encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)


def first_lines(path: Path) -> list[int | None]:
    """The line each record starts in, by the csv module; None for a blank line."""
    packed = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    plain = path.with_name("plain.csv")
    plain.write_bytes(packed)
    lines: list[int | None] = []
    with plain.open(newline="", encoding="utf-8") as stream:
        reader = csv.reader(stream)
        before = 0
        for record in reader:
            lines.append(before + 1 if record else None)
            before = reader.line_num
    return lines


@pytest.mark.parametrize("name", ["some.csv", "some.csv.gz"])
@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    body=st.lists(st.tuples(st.one_of(st.just([]), records()), st.booleans()), max_size=12),
    end=st.sampled_from(ENDS),
    is_ended=st.booleans(),
)
def test_rows_and_torn_lines_are_where_the_csv_module_finds_them(
    tmp_path: Path, name: str, body: list[tuple[list[str], bool]], end: str, is_ended: bool
) -> None:
    path = tmp_path / name
    write(path, ["one,two", *(",".join(cells) for cells, _ in body)], end, is_ended)
    found = first_lines(path)
    is_torn = [False, *(torn for _, torn in body)]
    torn = [n for n, line in enumerate(found) if line and is_torn[n]]
    rows = [line for n, line in enumerate(found) if n and line and not is_torn[n]]
    rejected = Rejected(np.array(torn, np.int64) + 1, ["torn"] * len(torn), [""] * len(torn))
    lines = SourceFile(path, {}, "", name).lines(rejected, np.arange(len(rows)))
    assert [part.tolist() for part in lines] == [[found[n] for n in torn], rows]


def test_the_rows_of_a_parquet_file_are_counted_from_one() -> None:
    nothing = Rejected(np.empty(0, np.int64), [], [])
    torn, rows = SourceFile(Path("some.parquet"), {}, "", "").lines(nothing, np.array([0, 4]))
    assert (torn.tolist(), rows.tolist()) == ([], [1, 5])
