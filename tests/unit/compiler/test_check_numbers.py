"""Which texts are numbers: plain notation as Python's Decimal reads it, and nothing is rounded."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hindcast import datatypes
from hindcast.compiler.checks import ingest_query
from hindcast.definitions import Entity, Source
from hindcast.engines.duckdb import session

KINDS = ["bigint", "decimal(18,6)", "decimal(4,4)", "decimal(38,0)", "double"]
PLAIN = r" {0,2}[+-]?([0-9]{1,20}\.?[0-9]{0,9}|\.[0-9]{1,9}) {0,2}"
SCIENTIFIC = r" {0,2}[+-]?([0-9]{1,9}\.?[0-9]{0,9}|\.[0-9]{1,9})[eE][+-]?[0-9]{1,2} {0,2}"
NUMBER = r" *[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)? *"
# Many texts to a query, which costs far more than a text.
MANY = settings(max_examples=10, deadline=None, derandomize=True)
Number = int | float | Decimal
# A text, and what it is as bigint, decimal(18,6) and double.
TEXTS: list[tuple[str, int | None, Decimal | None, float | None]] = [
    ("0x1F", None, None, None),
    ("1_0", None, None, None),
    ("1_0.5", None, None, None),
    ("1e3", None, Decimal(1000), 1000.0),
    ("1E+3", None, Decimal(1000), 1000.0),
    ("1.5e1", None, None, 15.0),
    ("1e-3", None, None, 0.001),
    (" 12 ", 12, Decimal(12), 12.0),
    ("1.123456 ", None, Decimal("1.123456"), 1.123456),
    ("+5", 5, Decimal(5), 5.0),
    ("+-5", None, None, None),
    ("--5", None, None, None),
    ("5.", 5, Decimal(5), 5.0),
    (".0", 0, Decimal(0), 0.0),
    (".5", None, Decimal("0.5"), 0.5),
    ("007", 7, Decimal(7), 7.0),
    ("1 000", None, None, None),
    ("1,5", None, None, None),
    ("\u0661", None, None, None),
    (".", None, None, None),
    ("-", None, None, None),
    ("true", None, None, None),
    ("infinity", None, None, None),
]


def read(kind: str, texts: Sequence[str]) -> list[Number | None]:
    """What ingest makes of each text in a column of a CSV file; None where it is refused."""
    schema = {"id": "bigint", "at": "date", "x": kind}
    source = Source("numbers", Entity("one", "id"), "at", tiebreaker="id", schema=schema)
    sql = ingest_query(source, {"id": "BIGINT", "at": "DATE", "x": "VARCHAR"}, "file")
    rows = {"id": range(len(texts)), "at": [date(2020, 1, 1)] * len(texts)}
    with session() as connection:
        connection.register("file", pa.table({**rows, "x": pa.array(texts, pa.string())}))
        found = connection.sql(sql).to_arrow_table()
    assert [row is None for row in found["_reason"].to_pylist()] == found[
        "x"
    ].is_valid().to_pylist()
    values: list[Number | None] = found["x"].to_pylist()
    return values


def exact(kind: str, text: str) -> Number | None:
    """The number that a text in digits says; None when the type would have to round it."""
    number, declared = Decimal(text.strip()), datatypes.parse(kind)
    if kind == "double":
        return float(number)
    whole = number.scaleb(declared.scale)
    bound = 2**63 if kind == "bigint" else 10**declared.precision
    is_inside = -bound <= whole < bound if kind == "bigint" else abs(whole) < bound
    return number if whole == int(whole) and is_inside else None


def test_what_a_text_is_as_each_kind_of_number() -> None:
    texts, *expected = ([*column] for column in zip(*TEXTS, strict=True))
    assert [read(kind, texts) for kind in ("bigint", "decimal(18,6)", "double")] == expected


@pytest.mark.parametrize("kind", KINDS)
@MANY
@given(texts=st.lists(st.from_regex(PLAIN, fullmatch=True), min_size=30, max_size=90))
def test_digits_are_accepted_exactly_when_nothing_is_rounded(kind: str, texts: list[str]) -> None:
    assert read(kind, texts) == [exact(kind, text) for text in texts]


@pytest.mark.parametrize("kind", KINDS)
@MANY
@given(
    texts=st.lists(
        st.one_of(
            st.from_regex(SCIENTIFIC, fullmatch=True),
            st.text("0159+-._eExXinfa ", min_size=1, max_size=9),
        ),
        min_size=30,
        max_size=90,
    )
)
def test_no_other_text_is_taken_for_a_number_it_does_not_say(kind: str, texts: list[str]) -> None:
    for text, value in zip(texts, read(kind, texts), strict=True):
        if value is not None:
            assert re.fullmatch(NUMBER, text)
            assert value == exact(kind, text)
