"""Aggregates with what each means on plain Python values; they share no code with Hindcast."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from tests.parity import oracle
from tests.parity.oracle import Event

Of = Callable[[list[Event]], Any]


class Measured(float):
    """A number that cancellation may leave with fewer digits: right within a distance."""

    within: float

    def __new__(cls, value: float, within: float) -> "Measured":
        """The number; within: how far another may be from it."""
        made = super().__new__(cls, value)
        made.within = within
        return made


def present(found: list[Event], column: str) -> list[Any]:
    """A column's values that are not null."""
    return [event[column] for event in found if event[column] is not None]


def quantile(values: list[Any], share: Fraction) -> Any:
    """The least value that at least a share of the values do not exceed."""
    enough = (v for v in sorted(values) if sum(w <= v for w in values) >= share * len(values))
    return next(enough, None)


def median(values: list[Any]) -> float | None:
    """The mean of the two values in the middle, or of the one twice."""
    ordered, count = sorted(values), len(values)
    return float(ordered[(count - 1) // 2]) / 2 + float(ordered[count // 2]) / 2 if values else None


def mode(values: list[Any]) -> Any:
    """The most frequent value, the least of those."""
    return min(values, key=lambda value: (-values.count(value), value), default=None)


def variance(values: list[Any]) -> Measured | None:
    """The variance of a sample; null of fewer than two."""
    exact = [Fraction(value) for value in values]
    if len(exact) < 2:
        return None
    mean = sum(exact) / len(exact)
    found = sum((value - mean) ** 2 for value in exact) / (len(exact) - 1)
    return Measured(float(found), 1e-14 * float(max(map(abs, exact))) ** 2)


def stddev(values: list[Any]) -> float | None:
    """The square root of the variance."""
    found = variance(values)
    return None if found is None else Measured(math.sqrt(found), math.sqrt(found.within))


def lag(found: list[Event], column: str, number: int) -> Any:
    """The n-th newest event's value, null or not."""
    return found[-number][column] if len(found) >= number else None


def where(condition: Callable[[Event], bool], of: Of) -> Of:
    """The aggregate of the events that meet a condition."""
    return lambda found: of([event for event in found if condition(event)])


def _of(column: str, what: Callable[[list[Any]], Any]) -> Of:
    return lambda found: what(present(found, column))


def _is_yes(event: Event) -> bool:
    return bool(event["flag"] == "Y")


def _above_zero(event: Event) -> bool:
    return bool(event["number"] is not None and event["number"] > 0)


def _whole(column: str) -> Of:
    return lambda found: oracle.total(present(found, column))


AGGREGATES: list[tuple[str, Of]] = [
    ("count(distinct flag)", _of("flag", lambda values: len(set(values)))),
    ("count(distinct real)", _of("real", lambda values: len(set(values)))),
    ("variance(money)", _of("money", variance)),
    ("stddev(real)", _of("real", stddev)),
    ("stddev(number)", _of("number", stddev)),
    ("median(money)", _of("money", median)),
    ("median(big)", _of("big", median)),
    ("quantile(money, 0.9)", _of("money", lambda values: quantile(values, Fraction(9, 10)))),
    ("quantile(flag, 0.3)", _of("flag", lambda values: quantile(values, Fraction(3, 10)))),
    ("quantile(born, 0)", _of("born", lambda values: quantile(values, Fraction(0)))),
    ("mode(flag)", _of("flag", mode)),
    ("mode(number)", _of("number", mode)),
    ("first(money)", _of("money", lambda values: values[0] if values else None)),
    ("last(flag)", _of("flag", lambda values: values[-1] if values else None)),
    ("lag(money)", lambda found: lag(found, "money", 1)),
    ("lag(flag, 2)", lambda found: lag(found, "flag", 2)),
    ("bool_or(flag = 'Y')", _of("flag", lambda v: any(f == "Y" for f in v) if v else None)),
    ("bool_and(flag = 'Y')", _of("flag", lambda v: all(f == "Y" for f in v) if v else None)),
    ("count(*) filter (where flag = 'Y')", where(_is_yes, len)),
    ("sum(money) filter (where number > 0)", where(_above_zero, _whole("money"))),
    ("median(real) filter (where flag = 'Y')", where(_is_yes, _of("real", median))),
    (
        "count(distinct number) filter (where flag = 'Y')",
        where(_is_yes, _of("number", lambda values: len(set(values)))),
    ),
    (
        "lag(number, 2) filter (where flag = 'Y')",
        where(_is_yes, lambda found: lag(found, "number", 2)),
    ),
]
