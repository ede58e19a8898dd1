"""A file that is not written as its source declares adds nothing, and is told how it looks."""

from dataclasses import replace
from pathlib import Path

import pytest

from hindcast.data.ingest import add_file
from hindcast.definitions import Csv
from hindcast.errors import InputError
from hindcast.stores.lake import Lake
from tests.integration.orders import GOOD, HEADER, NOW, line, orders, quarantine, raw, write_csv

TEXT = f"{HEADER}\n{GOOD}\n{line(kind='naïve')}\n"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (
            TEXT.replace(",", ";").encode(),
            "the file looks ';'-separated: declare format=Csv(delimiter=';')",
        ),
        (
            TEXT.replace(",", "\t").encode("utf-16"),
            "the file looks '\\t'-separated, encoded in utf-16: "
            "declare format=Csv(delimiter='\\t', encoding='utf-16')",
        ),
        (
            TEXT.replace("cash", "café").encode("latin-1"),
            "2 because it is not UTF-8 text; correct the file or the source, or add it by force; "
            "the file looks encoded in latin-1: declare format=Csv(encoding='latin-1')",
        ),
        (
            TEXT.replace("2021-05-01", "13.05.2021").encode(),
            "nothing was added, as 2 of 2 rows are bad, the first in line 2, 2 because day '...' "
            "is not a date (YYYY-MM-DD); correct the file or the source, or add it by force; "
            "the file looks dated as %d.%m.%Y: declare format=Csv(dates='%d.%m.%Y')",
        ),
        (TEXT.replace("2021-05-01", "soon").encode(), "or add it by force"),
        (TEXT.replace("order", "number").encode(), "the file has id, day, number, amount, count"),
    ],
    ids=["delimiter", "encoding and delimiter", "encoding", "dates", "bad values", "bad header"],
)
def test_how_the_file_looks_is_said(
    tmp_path: Path, lake: Lake, content: bytes, advice: str
) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as raised:
        add_file(path, orders, lake, NOW)
    assert advice in str(raised.value)
    assert ("looks" in str(raised.value)) == ("looks" in advice)
    assert raw(lake) == quarantine(lake) == []


def test_the_file_is_added_once_its_format_is_declared_or_by_force(
    tmp_path: Path, lake: Lake
) -> None:
    path = write_csv(tmp_path, line(day="13.05.2021"), line(day="14.05.2021"), GOOD)
    with pytest.raises(InputError, match="2 of 3 rows are bad"):
        add_file(path, orders, lake, NOW)
    forced = Lake(str(tmp_path / "forced"))
    assert add_file(path, orders, forced, NOW, force=True).quarantined == 2
    declared = replace(orders, format=Csv(dates="%d.%m.%Y"))
    assert add_file(path, declared, lake, NOW).accepted == len(raw(lake)) == 2


def test_a_file_of_which_half_is_good_is_added(tmp_path: Path, lake: Lake) -> None:
    report = add_file(write_csv(tmp_path, GOOD, "torn"), orders, lake, NOW)
    assert (report.accepted, report.quarantined) == (1, 1)
