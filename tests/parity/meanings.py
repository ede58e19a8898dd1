"""Feature expressions, and what each means on plain Python values."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from tests.parity import aggregates, oracle
from tests.parity.aggregates import AGGREGATES
from tests.parity.oracle import Event, Seen


@dataclass(frozen=True)
class Meaning:
    """A feature expression with what it means on plain Python values."""

    expression: str
    window: str
    value: Callable[[list[Event], Event, Seen], Any]


def _column(name: str) -> Callable[[Event], Any]:
    return lambda event: event[name]


def _prior(expression: str, of: Callable[[list[Event]], Any]) -> Meaning:
    return Meaning(expression, "prior", lambda h, row, seen: of(oracle.prior(h, row, seen)))


def _reckoned(
    expression: str, row: Callable[[Event], int | None], of: Callable[[list[Any]], Any]
) -> Meaning:
    """Over what is reckoned from each event; null where some of it has more than 38 digits."""

    def value(found: list[Event]) -> Any:
        rows = [row(event) for event in found]
        return of(rows) if all(number == oracle.fitting(number, 38) for number in rows) else None

    return _prior(expression, value)


def _product(*columns: str) -> Callable[[Event], Any]:
    def value(event: Event) -> Any:
        factors = [event[name] for name in columns]
        return None if None in factors else math.prod(factors)

    return value


def _latest(
    expression: str, of: Callable[[Event], Any], bounded: Callable[[Any], Any] = lambda value: value
) -> Meaning:
    return Meaning(expression, "latest", lambda h, row, seen: bounded(oracle.latest(h, row, of)))


def _request(expression: str, of: Callable[[Any, date], Any]) -> Meaning:
    def value(history: list[Event], row: Event, seen: Seen) -> Any:
        born = oracle.latest(history, row, _column("born"))
        return of(born, oracle.asked(row).date())

    return Meaning(expression, "request", value)


def _asked_prior(expression: str, of: Callable[[list[Event], date | None, date], Any]) -> Meaning:
    """An expression over prior events, the latest birthday, and the day of asking."""

    def value(history: list[Event], row: Event, seen: Seen) -> Any:
        born = oracle.latest(history, row, _column("born"))
        return of(oracle.prior(history, row, seen), born, oracle.asked(row).date())

    return Meaning(expression, "prior", value)


def _asked_latest(expression: str, column: str, of: Callable[[Any, int], Any]) -> Meaning:
    """An expression over a latest value and the days since birth; null where it is not finite."""

    def value(history: list[Event], row: Event, seen: Seen) -> Any:
        known = oracle.latest(history, row, _column(column))
        born = oracle.latest(history, row, _column("born"))
        age = oracle.days_between(born, oracle.asked(row).date())
        return None if known is None or age is None else oracle.finite(of(known, age))

    return Meaning(expression, "request", value)


def _values(name: str) -> Callable[[list[Event]], list[Any]]:
    return lambda found: [event[name] for event in found]


def _is_yes(event: Event) -> bool | None:
    return None if event["flag"] is None else event["flag"] == "Y"


def _above_one(event: Event) -> Decimal | None:
    return event["money"] if event["number"] is not None and event["number"] > 1 else None


MEANINGS = [
    _prior("count(*)", len),
    _prior("count(money)", lambda f: oracle.count(_values("money")(f))),
    _prior("sum(money)", lambda f: oracle.total(_values("money")(f))),
    _prior("avg(money)", lambda f: oracle.mean(_values("money")(f))),
    _prior("min(money)", lambda f: oracle.extreme(_values("money")(f), min)),
    _prior("sum(real)", lambda f: oracle.total(_values("real")(f))),
    _prior("avg(real)", lambda f: oracle.mean(_values("real")(f))),
    _prior("max(number)", lambda f: oracle.extreme(_values("number")(f), max)),
    _prior("max(flag)", lambda f: oracle.extreme(_values("flag")(f), max)),
    _prior("sum(flag = 'Y')", lambda f: oracle.total([_cast(_is_yes(e)) for e in f])),
    _prior(
        "sum(case when number > 1 then money end)",
        lambda f: oracle.total([_above_one(e) for e in f]),
    ),
    _prior("coalesce(sum(number), 0)", lambda f: oracle.total(_values("number")(f)) or 0),
    _prior(
        "sum(number) / count(*)",
        lambda f: oracle.divide(oracle.total(_values("number")(f)), len(f)),
    ),
    _prior("sum(wide)", lambda f: oracle.fitting(oracle.total(_values("wide")(f)), 36)),
    _prior(
        "avg(wide)",
        lambda f: oracle.divide(
            oracle.fitting(oracle.total(_values("wide")(f)), 36), oracle.count(_values("wide")(f))
        ),
    ),
    _prior("sum(big)", lambda f: oracle.total38(_values("big")(f))),
    _prior("avg(big)", lambda f: oracle.mean(_values("big")(f))),
    _prior("sum(huge)", lambda f: oracle.finite(oracle.total(_values("huge")(f)))),
    _reckoned("sum(big * number)", _product("big", "number"), oracle.total38),
    _reckoned("sum(big * big)", _product("big", "big"), oracle.total38),
    _reckoned(
        "avg(coalesce(big * big * number, 0))",
        lambda event: _product("big", "big", "number")(event) or 0,
        lambda rows: oracle.divide(oracle.total38(rows), len(rows)),
    ),
    _reckoned("count(big * big * number)", _product("big", "big", "number"), oracle.count),
    _reckoned(
        "median(big * big)",
        _product("big", "big"),
        lambda rows: aggregates.median([row for row in rows if row is not None]),
    ),
    _reckoned(
        "max(-big * number)",
        lambda event: _negative(_product("big", "number")(event)),
        lambda rows: oracle.whole(oracle.extreme(rows, max)),
    ),
    _prior(
        "sum(case when big * number > money then 1 end)",
        lambda f: oracle.total38([_exceeds(e) for e in f]),
    ),
    _latest(
        "big * number - 1", lambda event: _less_one(_product("big", "number")(event)), oracle.whole
    ),
    _latest("big * big * number", _product("big", "big", "number"), oracle.whole),
    _latest(
        "abs(big)", lambda event: None if event["big"] is None else abs(event["big"]), oracle.whole
    ),
    _latest("huge * huge", _product("huge", "huge"), oracle.finite),
    _latest("money", _column("money")),
    _latest("flag = 'Y'", _is_yes),
    _latest("number is null", lambda event: event["number"] is None),
    _latest("real / number", lambda event: oracle.divide(event["real"], event["number"])),
    _latest("born", _column("born")),
    _latest("vector", _column("vector")),
    _latest("vector is null", lambda event: event["vector"] is None),
    _request("years_between(born, as_of)", oracle.years_between),
    _request(
        "days_between(born, as_of)",
        oracle.days_between,
    ),
    _request("years_between(born, as_of) >= 30", lambda born, day: _at_least_30(born, day)),
    _asked_latest("huge * days_between(born, as_of)", "huge", lambda x, n: x * n),
    _asked_latest("huge * huge - days_between(born, as_of)", "huge", lambda x, n: x * x - n),
    _asked_latest(
        "huge / (days_between(born, as_of) + 1) / 1e200", "huge", lambda x, n: x / (n + 1) / 1e200
    ),
    _asked_latest(
        "1 / (huge + huge) + days_between(born, as_of)", "huge", lambda x, n: 1 / (x + x) + n
    ),
    _asked_latest("big + days_between(born, as_of)", "big", lambda x, n: oracle.whole(x + n)),
    _asked_prior(
        "days_between(max(at), as_of)",
        lambda f, born, day: oracle.days_between(f[-1]["at"].date() if f else None, day),
    ),
    _asked_prior(
        "sum(money) / years_between(born, as_of)",
        lambda f, born, day: oracle.divide(
            oracle.total(_values("money")(f)), oracle.years_between(born, day)
        ),
    ),
    _asked_prior(
        "count(real) > years_between(min(born), as_of)",
        lambda f, born, day: _more(
            oracle.count(_values("real")(f)),
            oracle.years_between(oracle.extreme(_values("born")(f), min), day),
        ),
    ),
    *(_prior(expression, of) for expression, of in AGGREGATES),
]


def _cast(value: bool | None) -> int | None:
    return None if value is None else int(value)


def _negative(value: int | None) -> int | None:
    return None if value is None else -value


def _less_one(value: int | None) -> int | None:
    return None if value is None else value - 1


def _exceeds(event: Event) -> int | None:
    """1 where big * number > money; they meet as doubles."""
    product = _product("big", "number")(event)
    is_known = product is not None and event["money"] is not None
    return 1 if is_known and float(product) > float(event["money"]) else None


def _more(count: int, years: int | None) -> bool | None:
    return None if years is None else count > years


def _at_least_30(born: date | None, day: date) -> bool | None:
    years = oracle.years_between(born, day)
    return None if years is None else years >= 30
