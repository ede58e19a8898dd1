"""A format says how files are written; what it cannot mean is refused when it is declared."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hindcast.definitions import Csv, JsonLines, Parquet
from hindcast.errors import DefinitionError
from tests.unit.definitions.test_sources import LOANS


@pytest.mark.parametrize(
    ("declare", "reason"),
    [
        (lambda: Csv(delimiter=";;"), "delimiter is ';;', not one ASCII character"),
        (lambda: Csv(delimiter="\n"), r"delimiter is '\\n', not one ASCII character"),
        (lambda: Csv(quote="«"), "quote is '«', not one ASCII character"),
        (lambda: Csv(quote=","), "delimiter and quote are both ','"),
        (lambda: Csv(encoding="klingon"), "encoding 'klingon' is not known; use one of Python's"),
        (lambda: Csv(encoding="hex"), "encoding 'hex' is not known; use one of Python's"),
        (lambda: Csv(decimal="·"), "decimal is '·'; use one of ., ,"),
        (lambda: Csv(dates="%d.%m"), r"dates '%d.%m' lacks some of year, month and day"),
        (lambda: Csv(dates="%d.%m.%G"), r"dates '%d.%m.%G' has %G, which is not read; use %Y"),
        (lambda: Csv(timestamps="%Y-%m-%d"), r"timestamps .* lacks some of a date and a time"),
        (lambda: Csv(epoch="h"), "epoch is 'h'; use one of s, ms, us"),  # type: ignore[arg-type]
        (lambda: Csv(epoch="s", timestamps="%Y-%m-%d %H:%M"), "declare timestamps or epoch, not"),
        (lambda: Csv(nulls="NA"), "nulls is 'NA', not a list of words"),
        (lambda: JsonLines(paths={"amount": ""}), "the path of 'amount' is '', not keys such as"),
    ],
)
def test_what_a_format_cannot_mean_is_one_line(declare: Callable[[], object], reason: str) -> None:
    with pytest.raises(DefinitionError, match=rf"^format (Csv|JsonLines): {reason}"):
        declare()


def test_formats_give_back_what_strptime_reads() -> None:
    assert Csv(dates="%d.%m.%y", timestamps="%b %d %Y %I:%M %p").dates == "%d.%m.%y"
    assert Parquet(epoch="us").epoch == "us"
    assert JsonLines(paths={"a": "b.c"}).keys("a") == ["b", "c"]
    assert JsonLines().keys("a.b") == ["a.b"]


def test_a_source_has_the_columns_that_its_format_and_its_options_name() -> None:
    with pytest.raises(DefinitionError, match="path of column 'price' is not in its schema"):
        replace(LOANS, format=JsonLines(paths={"price": "a.b"}))
    with pytest.raises(DefinitionError, match="optional column 'price' is not in its schema"):
        replace(LOANS, optional=["price"])
    with pytest.raises(
        DefinitionError, match="'loan_id' cannot be optional, as every row needs it"
    ):
        replace(LOANS, optional=["loan_id"])
    with pytest.raises(DefinitionError, match="format is 'csv', not Csv"):
        replace(LOANS, format="csv")  # type: ignore[arg-type]
