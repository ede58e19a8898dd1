"""Rows that were refused alike are one kind, whatever their values and the names of columns."""

import pytest

from hindcast.data.refused import kind_of


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("amount '-1' breaks check \"amount > 0\"", "amount '...' breaks check \"amount > 0\""),
        ("driver's age 'x' is not a date", "driver's age '...' is not a date"),
        ("name 'O'Brien's' is not a boolean", "name '...' is not a boolean"),
        (
            "flag 'N' breaks check \"flag in ('Y', 'y')\"; day 'O'x' is not a date",
            "flag '...' breaks check \"flag in ('Y', 'y')\"; day '...' is not a date",
        ),
        ("note 'two\nlines' is not a date", "note '...' is not a date"),
        ("it has 9 columns, not 7", "it has ... columns, not 7"),
        ("vector has 2 numbers, not 3", "vector has ... numbers, not 3"),
        (
            "vector has 'it's' at place 2, which is not a finite number",
            "vector has '...' at place ..., which is not a finite number",
        ),
    ],
    ids=["check", "column", "value", "several", "lines", "columns", "length", "place"],
)
def test_a_kind_has_no_value_and_no_count_of_its_row(reason: str, kind: str) -> None:
    assert kind_of(reason) == kind
