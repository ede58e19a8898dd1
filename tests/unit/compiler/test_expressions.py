"""Expressions parse, say what they read, and are refused with the place, the reason and the fix."""

import pytest
from sqlglot import exp

from hindcast.compiler import expressions, supported
from hindcast.errors import DefinitionError

WHERE = "feature view 'history', feature 'f'"


def refusal(text: str) -> str:
    """Why an expression is refused; it always starts with where it stands and repeats it."""
    with pytest.raises(DefinitionError) as raised:
        expressions.parse(text, WHERE)
    message = str(raised.value)
    assert message.startswith(f"{WHERE}: ")
    assert f"'{text}'" in message
    return message


@pytest.mark.parametrize(
    "text",
    [
        "count(*)",
        "sum(amount) / nullif(count(amount), 0)",
        "max(case when job = 'Pensioner' then amount else 0 end)",
        "coalesce(greatest(amount, income), least(amount, 1.5), abs(-amount))",
        "job in ('a', 'b') and not job like 'c%' or length(job) between 1 and 3",
        "job is not null",
        "years_between(birthday, as_of) * 365 + days_between(job_start, as_of)",
    ],
)
def test_everything_said_to_be_supported_parses(text: str) -> None:
    assert isinstance(expressions.parse(text, WHERE), exp.Expression)


def test_a_filter_lets_an_aggregate_skip_what_does_not_meet_it() -> None:
    filtered = expressions.parse("sum(a) filter (where b > 1)", WHERE)
    assert filtered == expressions.parse("sum(case when b > 1 then a end)", WHERE)


def test_a_default_of_lag_is_refused_with_what_to_write() -> None:
    assert "lag in 'lag(a, 1, 0)' has a default value, which is not supported" in refusal(
        "lag(a, 1, 0)"
    )


def test_columns_are_in_order_of_first_mention_and_as_of_is_none() -> None:
    tree = expressions.parse("days_between(b, as_of) * 2 > a + b", WHERE)
    assert expressions.columns(tree) == ("b", "a")


def test_an_expression_knows_whether_it_depends_on_the_instant_asked() -> None:
    assert expressions.mentions_as_of(expressions.parse("days_between(a, as_of) + 1", WHERE))
    assert not expressions.mentions_as_of(expressions.parse("a = 'as_of'", WHERE))


def test_aggregates_are_found_wherever_they_stand() -> None:
    tree = expressions.parse("coalesce(sum(a), 0) / count(*)", WHERE)
    assert sorted(node.sql() for node in expressions.aggregates(tree)) == ["COUNT(*)", "SUM(a)"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("amount + ", "at column 8, near '+': something is missing before or after it"),
        ("sum(amount", "at column 10, near 'amount': Expecting )"),
        ("amount) > 1", "at column 7, near ')'"),
    ],
)
def test_a_syntax_error_names_its_place(text: str, place: str) -> None:
    assert f"syntax error in '{text}' {place}" in refusal(text)


def test_text_without_its_closing_quote_is_a_syntax_error() -> None:
    assert "syntax error in 'job = 'a'" in refusal("job = 'a")


@pytest.mark.parametrize(
    "text",
    ["", "a, b", "a from loans", "a where b > 1", "a group by b", "a limit 1", "a; drop table raw"],
)
def test_a_query_around_an_expression_is_refused(text: str) -> None:
    assert "must be one expression without a query around it" in refusal(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("reverse(job)", "'REVERSE(job)' is not supported"),
        ("frobnicate(amount)", "unknown function 'frobnicate'"),
        ("random()", "'RANDOM()' is not supported"),
        ("sum(amount) over ()", "'SUM(amount) OVER ()' is not supported"),
        ("amount in (select 1)", "'(SELECT 1)' is not supported"),
        ("amount as total", "'amount AS total' is not supported"),
        ("sum(distinct amount)", "'DISTINCT amount' outside count()"),
        ("*", "'*' outside count()"),
        ("count(distinct amount, job)", "count takes one argument"),
        ("abs(a) filter (where b)", "'ABS(a) FILTER(WHERE b)' is not supported"),
        ("last(a order by b)", "'a ORDER BY b' is not supported"),
        ("substr(job, 0)", "substr takes a whole number of at least 1, written out"),
        ("substr(job, 1, -1)", "substr takes a whole number of at least 0, written out"),
        ("date_trunc('decade', a)", "date_trunc takes one of year, quarter, month, week, day, "),
        ("round(a, 2, 3)", "round is called round(x) or round(x, digits)"),
        ("round(a, b)", "round takes a whole number of at least 1, written out"),
        ("round(a, -2)", "round takes a whole number of at least 1, written out"),
        ("quantile(a)", "quantile takes a value and a share from 0 to 1"),
        ("quantile(a, 1.5)", "quantile takes a value and a share from 0 to 1"),
        ("lag(a, b)", "lag takes a value and n from 1 to 100000"),
        ("sum(a) filter (where max(b) > 1)", "aggregate 'MAX(b)' inside an aggregate"),
        ("sum(max(amount))", "aggregate 'MAX(amount)' inside an aggregate"),
        ("avg(1 + count(*))", "aggregate 'COUNT(*)' inside an aggregate"),
        ("years_between(birthday)", "years_between is called years_between(a, b)"),
        ("count()", "count takes one argument"),
        ("min(amount, 2)", "min takes one argument"),
        ("days_between(a, b, c)", "days_between is called days_between(a, b)"),
    ],
)
def test_what_engines_disagree_on_is_refused_with_what_is_supported(
    text: str, problem: str
) -> None:
    message = refusal(text)
    assert f": {problem}" in message
    assert message.endswith(f"; supported: {supported.SUPPORTED}")


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("loans.amount", "the column's name alone"),
        ("job like '50\\%'", "= or substr(x, from, count)"),
        ("var_pop(a)", "variance(x)"),
        ("current_date", "as_of, the instant of the question"),
        ("if(a > 1, 2, 3)", "case when ... then ... else ... end"),
        ("a ilike 'x%'", "lower(x) like lower(y)"),
        ("a % 2", "x - floor(x / n) * n"),
        ("power(a, 2)", "x * x, or exp(y * ln(x))"),
        ("date_diff('day', a, b)", "days_between(a, b) or another ..._between"),
        ("extract(year from a)", "year(t), month(t), day(t), day_of_week(t) or hour(t)"),
        ("try_cast(a as bigint)", "cast(x as type), which is null where it does not fit"),
    ],
)
def test_what_has_another_name_here_is_refused_with_that(text: str, instead: str) -> None:
    assert refusal(text).endswith(f" in '{text}'; use {instead}")


def test_an_unknown_column_is_named_with_those_of_the_schema() -> None:
    tree = expressions.parse("amuont + income", WHERE)
    with pytest.raises(DefinitionError) as raised:
        expressions.require_columns(tree, ["amount", "income"], "amuont + income", WHERE)
    assert str(raised.value) == (
        f"{WHERE}: unknown column 'amuont' in 'amuont + income'; the schema has amount, income"
    )


def test_as_of_needs_no_column_of_the_schema() -> None:
    tree = expressions.parse("years_between(birthday, as_of)", WHERE)
    expressions.require_columns(tree, ["birthday"], "years_between(birthday, as_of)", WHERE)
