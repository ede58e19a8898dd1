"""Casts that the engines would not agree on are refused, each with what to write instead."""

import pytest

from hindcast.compiler import expressions
from hindcast.compiler.typing import infer
from hindcast.datatypes import DATE, TIMESTAMP
from hindcast.errors import DefinitionError
from tests.unit.compiler.loans import LOANS


def refusal(text: str) -> str:
    with pytest.raises(DefinitionError) as raised:
        infer(expressions.parse(text, "here"), LOANS.types)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cast(income as string)", "round it and cast that to bigint first"),
        ("cast(income as decimal(9,2))", "keep the double, or use round(x * 100) / 100"),
        ("cast(job as bigint)", "declare the column's type in the source's schema"),
        ("cast(job as date)", "or write date '2020-01-31'"),
        ("cast(loan_date as string)", "or cast it to date first"),
        ("cast(birthday as bigint)", "date cannot be cast to bigint"),
        ("cast(amount as interval)", "is not a type of definitions; cast to bigint, double, "),
        ("birthday > date '31.12.2020'", "'31.12.2020' is not a date; write it as 2020-01-31"),
        ("hour(birthday)", "'birthday' is date, not a timestamp"),
        ("lower(amount)", "'amount' is decimal(18,2), not a string"),
    ],
)
def test_a_cast_that_is_refused_says_what_to_write_instead(text: str, reason: str) -> None:
    assert reason in refusal(text)


def test_dates_and_timestamps_can_be_written_out() -> None:
    for text, datatype in (("date '2020-01-31'", DATE), ("timestamp '2020-01-31'", TIMESTAMP)):
        assert infer(expressions.parse(text, "here"), LOANS.types) == datatype
