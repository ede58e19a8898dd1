"""The type of an expression follows from its columns; what does not fit is said, not cast."""

import pytest

from hindcast import datatypes
from hindcast.compiler import expressions
from hindcast.compiler.typing import infer
from hindcast.errors import DefinitionError

TYPES = {
    "small": datatypes.parse("decimal(18,2)"),
    "large": datatypes.parse("decimal(35,4)"),
    "real": datatypes.DOUBLE,
    "whole": datatypes.BIGINT,
    "flag": datatypes.BOOLEAN,
    "text": datatypes.STRING,
    "day": datatypes.DATE,
    "moment": datatypes.TIMESTAMP,
}


def type_of(text: str) -> str:
    return str(infer(expressions.parse(text, "here"), TYPES))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text", "string"),
        ("'text'", "string"),
        ("3", "bigint"),
        ("1.5", "double"),
        ("true", "boolean"),
        ("as_of", "timestamp"),
        ("whole + whole", "bigint"),
        ("whole * real", "double"),
        ("small - small", "double"),
        ("round(small)", "double"),
        ("round(small, 1)", "decimal(18,1)"),
        ("round(small, 2)", "decimal(18,2)"),
        ("round(whole, 2)", "bigint"),
        ("whole / whole", "double"),
        ("-small", "decimal(18,2)"),
        ("(whole)", "bigint"),
        ("abs(real)", "double"),
        ("nullif(small, 0)", "decimal(18,2)"),
        ("whole > 1.5", "boolean"),
        ("whole = null", "boolean"),
        ("flag and null", "boolean"),
        ("not flag", "boolean"),
        ("text like 'a%'", "boolean"),
        ("day is null", "boolean"),
        ("whole in (1, 2)", "boolean"),
        ("day between day and day", "boolean"),
        ("length(text)", "bigint"),
        ("years_between(day, as_of)", "bigint"),
        ("days_between(moment, day)", "bigint"),
        ("coalesce(text, 'none')", "string"),
        ("coalesce(whole, null)", "bigint"),
        ("greatest(whole, real)", "double"),
        ("case when flag then day end", "date"),
        ("case text when 'a' then 1 else 1.5 end", "double"),
    ],
)
def test_an_expression_has_the_type_its_columns_give_it(text: str, expected: str) -> None:
    assert type_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("count(*)", "bigint"),
        ("count(text)", "bigint"),
        ("sum(whole)", "decimal(38,0)"),
        ("sum(flag)", "decimal(38,0)"),
        ("sum(real)", "double"),
        ("sum(small)", "decimal(38,2)"),
        ("sum(large)", "decimal(38,4)"),
        ("avg(small)", "double"),
        ("avg(whole)", "double"),
        ("min(day)", "date"),
        ("max(small)", "decimal(18,2)"),
        ("max(text)", "string"),
    ],
)
def test_an_aggregate_widens_so_that_it_cannot_overflow(text: str, expected: str) -> None:
    assert type_of(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("text + 1", "'text' is string, not a number"),
        ("1 / text", "'text' is string, not a number"),
        ("sum(text)", "'text' is string, not a number"),
        ("avg(day)", "'day' is date, not a number"),
        ("-text", "'text' is string, not a number"),
        ("not whole", "'whole' is bigint, not a condition"),
        ("flag and whole", "'whole' is bigint, not a condition"),
        ("case when whole then 1 end", "'whole' is bigint, not a condition"),
        ("length(whole)", "'whole' is bigint, not a string"),
        ("whole like '1%'", "'whole' is bigint, not a string"),
        ("years_between(text, as_of)", "'text' is string, not a date or timestamp"),
        ("text = 1", "'text = 1' mixes types (bigint, string); make them alike"),
        ("flag = 1", "'flag = 1' mixes types (bigint, boolean); make them alike"),
        ("day > '2020-01-01'", "mixes types (date, string); make them alike"),
        ("day < moment", "mixes types (date, timestamp); make them alike"),
        ("whole in (1, 'a')", "mixes types (bigint, string); make them alike"),
        ("coalesce(text, 0)", "mixes types (bigint, string); make them alike"),
        ("coalesce(null, null)", "mixes types (only nulls); make them alike"),
        ("case when flag then 1 else 'a' end", "mixes types (bigint, string); make them alike"),
        ("round(real, 2)", "write round(x * 100) / 100, or declare the column as a decimal"),
        ("flag is true", "'flag IS TRUE': only IS NULL and IS NOT NULL are supported"),
        ("null", "'NULL' has no type by itself"),
        ("flag + 1", "'flag' is boolean, not a number"),
        ("-flag", "'flag' is boolean, not a number"),
        ("abs(text)", "'text' is string, not a number"),
        ("nullif(whole, 'a')", "mixes types (bigint, string); make them alike"),
        ("text like 1", "'1' is bigint, not a string"),
        ("whole + 9223372036854775808", "9223372036854775808 does not fit 64 bits"),
    ],
)
def test_operands_that_do_not_fit_are_named_with_what_was_wanted(text: str, reason: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        type_of(text)
    assert reason in str(raised.value)
