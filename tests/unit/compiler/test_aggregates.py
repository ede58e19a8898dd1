"""Aggregates: what their table says of values, nulls and no event is what is computed."""

from decimal import Decimal
from typing import Any

import pytest

from hindcast.compiler import query
from hindcast.compiler.aggregates import AGGREGATES, Aggregate
from hindcast.definitions import Feature, days, latest, prior
from hindcast.errors import DefinitionError
from tests.unit.compiler.loans import as_of, at, loan, run, view_of

LOANS = [
    loan(1, at(2020, 1, 1), "10", job="a", has_car=True),
    loan(2, at(2020, 1, 2), None),
    loan(3, at(2020, 1, 3), "30", job="b", has_car=False),
    loan(4, at(2020, 1, 4), "10", job="b", has_car=True),
]


def expression(aggregate: Aggregate) -> str:
    """The example over the columns of loans."""
    return aggregate.example.replace("shop", "job")


def computed(text: str, loans: list[dict[str, Any]]) -> Any:
    """The feature of customer 1 after its loans."""
    sql = query.materialization(view_of(Feature("f", text, over=prior())), "duckdb", NOW)
    return next(row["f"] for row in run(sql, loans) if not row["_is_event"])


NOW = as_of(at(2020, 1, 5))


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("count(*)", 4),
        ("count(x)", 3),
        ("count(distinct x)", 2),
        ("sum(x)", Decimal(50)),
        ("avg(x)", 50 / 3),
        ("min(x)", Decimal(10)),
        ("max(x)", Decimal(30)),
        ("stddev(x)", pytest.approx(11.547005383792515)),
        ("variance(x)", pytest.approx(400 / 3)),
        ("median(x)", 10.0),
        ("quantile(x, q)", Decimal(30)),
        ("mode(x)", "b"),
        ("first(x)", "a"),
        ("last(x)", "b"),
        ("lag(x, n)", Decimal(30)),
        ("bool_or(x)", False),
        ("bool_and(x)", False),
    ],
)
def test_each_aggregate_gives_what_its_table_says(call: str, value: Any) -> None:
    aggregate = next(each for each in AGGREGATES if each.call == call)
    text = expression(aggregate)
    assert computed(text, LOANS) == value
    empty = [loan(1, at(2020, 1, 1), None)] if aggregate.nulls == "skipped" else []
    if empty:
        assert computed(text, empty) == (0 if aggregate.nothing == "0" else None)


def test_each_aggregate_may_be_filtered() -> None:
    texts = [f"{expression(each)} filter (where job = 'b')" for each in AGGREGATES]
    assert [computed(text, LOANS[:3]) for text in texts[:6]] == [1, 1, 1, 30, 30.0, 30]
    assert all(view_of(Feature("f", text, over=prior())) for text in texts)


@pytest.mark.parametrize(
    ("text", "over", "reason"),
    [
        (
            "lag(amount, 3)",
            prior(last=2),
            "is always null over the last 2 events; use ",
        ),
        (
            "lag(amount)",
            prior(ending=days(4)),
            "use over=prior() with a greater",
        ),
        ("median(has_car)", prior(), "'has_car' is boolean, not a number"),
        ("bool_or(amount)", prior(), "'amount' is decimal(18,2), not a condition"),
        ("sum(amount) filter (where job)", prior(), "'job' is string, not a condition"),
        ("mode(job)", latest(), "aggregates over latest(); use over=prior()"),
    ],
)
def test_what_an_aggregate_cannot_give_is_refused(text: str, over: Any, reason: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        view_of(Feature("f", text, over=over))
    assert reason in str(raised.value)
