"""The line of a quarantined row is the one an editor shows, whatever stands above it."""

import gzip
from pathlib import Path

import pytest

from hindcast.stores.lake import Lake
from tests.integration.orders import GOOD, HEADER, add, line, quarantine, raw, write_csv

BAD = line(id="?")


def faults(lake: Lake) -> list[tuple[int, str | None]]:
    """Line and field of each quarantined row; a torn line has no field."""
    return [(row["line"], row["field"]) for row in quarantine(lake)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["Unix", "Windows", "old Mac"])
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["", BAD, "", "", GOOD, BAD], [(3, "id"), (7, "id")]),
        ([line(kind='"one\ntwo\n\nfour"'), BAD], [(6, "id")]),
        ([line(kind='"two ""quoted""\n""lines"""'), BAD], [(4, "id")]),
        ([line(kind='"a, ""b"", c"'), BAD, line(kind='","'), BAD], [(3, "id"), (5, "id")]),
        ([line(kind='""'), BAD, line(kind='"\n"'), BAD], [(3, "id"), (6, "id")]),
        ([line(kind='5" pipe'), BAD], [(3, "id")]),
        ([GOOD, line(id="?", kind='"two\nlines"'), BAD], [(3, "id"), (5, "id")]),
        (
            [line(kind='"two\nlines"'), "torn", "", BAD, "torn", line(kind='"\n"'), "torn", BAD],
            [(4, None), (6, "id"), (7, None), (10, None), (11, "id")],
        ),
        (
            [GOOD, '1,"two\nlines"', BAD, '"a, b",1', BAD],
            [(3, None), (5, "id"), (6, None), (7, "id")],
        ),
        ([f'{GOOD},"two\nlines"', BAD], [(2, None), (4, "id")]),
        ([line(kind='"a"b'), BAD], [(2, None), (3, "id")]),
    ],
    ids=[
        "blank lines", "a value over lines", "doubled quotes", "commas in quotes", "empty quotes",
        "a quote within a value", "a bad row over lines", "torn lines between values over lines",
        "a torn line over lines", "too many columns over lines", "text after a quote",
    ],
)  # fmt: skip
def test_a_bad_row_is_found_in_the_line_it_starts_in(
    tmp_path: Path, lake: Lake, lines: list[str], expected: list[tuple[int, str | None]], end: str
) -> None:
    path = tmp_path / "orders.csv"
    text = "\n".join([HEADER, *lines, ""])
    path.write_bytes(text.replace("\n", end).encode())
    add(path, lake)
    assert faults(lake) == expected


def test_lines_are_those_of_the_text_when_the_file_is_compressed(
    tmp_path: Path, lake: Lake
) -> None:
    lines = [HEADER, line(kind='"two\nlines"'), "", BAD, "torn", BAD, ""]
    path = tmp_path / "orders.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    add(path, lake)
    assert faults(lake) == [(5, "id"), (6, None), (7, "id")]


def test_a_header_over_two_lines_counts_as_two(tmp_path: Path, lake: Lake) -> None:
    add(write_csv(tmp_path, f"{BAD},", header=f'{HEADER},"no\nte"'), lake)
    assert faults(lake) == [(3, "id")]


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["Unix", "Windows"])
def test_a_torn_line_is_kept_without_the_line_ends_before_it(
    tmp_path: Path, lake: Lake, end: str
) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(end.join([HEADER, GOOD, "", "", "torn", GOOD, ""]).encode())
    add(path, lake)
    assert [(row["line"], row["record"]) for row in quarantine(lake)] == [(5, "torn")]
    assert len(raw(lake)) == 2


def test_torn_lines_do_not_shift_the_lines_of_rows_after_them(tmp_path: Path, lake: Lake) -> None:
    add(write_csv(tmp_path, BAD, "torn", "torn", GOOD, BAD, "torn", GOOD, BAD, BAD), lake)
    assert faults(lake) == [
        (2, "id"), (3, None), (4, None), (6, "id"), (7, None), (9, "id"), (10, "id"),
    ]  # fmt: skip


def test_lines_hold_over_a_file_of_many_batches(tmp_path: Path, lake: Lake) -> None:
    at = {n: "torn" if n % 2 else BAD for n in range(2, 250_000, 7_919)}
    lines = [at.get(n, GOOD) for n in range(2, 250_001)]
    report = add(write_csv(tmp_path, *lines), lake)
    assert [n for n, _ in faults(lake)] == sorted(at)
    assert (report.accepted, report.quarantined) == (249_999 - len(at), len(at))
    assert len(report.reasons) == 10
