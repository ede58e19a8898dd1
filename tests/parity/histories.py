"""Strategies for histories and definitions: ties, nulls, leap days, window edges, late records."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import cycle
from typing import Any

from hypothesis import strategies as st

from hindcast.compiler.features import CompiledView, compile_view
from hindcast.definitions import (
    Entity,
    Feature,
    FeatureView,
    Source,
    Window,
    days,
    hours,
    latest,
    prior,
)
from tests.parity import oracle
from tests.parity.aggregates import AGGREGATES
from tests.parity.oracle import Event, Seen

START = datetime(2020, 2, 28, tzinfo=UTC)
# The windows of aggregates, and what each sees.
WINDOWS: list[tuple[Window, Seen]] = [
    (prior(), Seen()),
    (prior(days=1), Seen(timedelta(days=1))),
    (prior(days=30), Seen(timedelta(days=30))),
    (prior(days=366), Seen(timedelta(days=366))),
    (prior(hours=7), Seen(timedelta(hours=7))),
    (prior(minutes=1440), Seen(timedelta(days=1))),
    (prior(last=1), Seen(last=1)),
    (prior(last=3), Seen(last=3)),
    (prior(ending=hours(7)), Seen(ending=timedelta(hours=7))),
    (prior(days=30, ending=days(30)), Seen(timedelta(days=30), timedelta(days=30))),
]
REFRESHED = ("daily 07:00", "every 12 hours", "hourly")

# Instants that meet: leap days, midnights, exact window edges and a microsecond beside them.
_OFFSETS = [timedelta(days=d) for d in (0, 1, 2, 30, 31, 60, 365, 366, 367, 731)]
_NUDGES = [timedelta(0), timedelta(microseconds=1), timedelta(microseconds=-1), timedelta(hours=7)]
DAYS = st.sampled_from(_OFFSETS).map(lambda offset: START + offset)
INSTANTS = st.builds(lambda at, nudge: at + nudge, DAYS, st.sampled_from(_NUDGES))
# Before, while and after the events happen.
RECORDED = st.sampled_from([START + timedelta(days=day) for day in (0, 1, 30, 61, 366, 800, 801)])
BIRTHDAYS = st.sampled_from(
    [date(1988, 2, 29), date(1988, 3, 1), date(2020, 2, 28), date(2020, 2, 29), date(3021, 9, 18)]
)
CENTS = st.integers(-(10**9), 10**9).map(lambda cents: Decimal(cents).scaleb(-2))
# At the edges of decimal(38,2), of 64 bits and of doubles.
WIDE = [Decimal("9" * 36 + ".99"), Decimal("5e35"), Decimal("7.01"), Decimal("-3e35")]
BIG = [2**63 - 1, -(2**63), 1, -7]
HUGE = [1e308, 1.5e308, 0.25, 3e-200]
REALS = st.integers(1, 10**9).map(lambda thousandths: thousandths / 1000)


@st.composite
def events(draw: st.DrawFn, whole_days: bool) -> list[Event]:
    """A history of up to 25 records of three entities, in any order."""
    at = DAYS if whole_days else INSTANTS
    record = st.fixed_dictionaries(
        {
            "key": st.integers(1, 3),
            "at": at,
            "tie": st.integers(1, 3),
            "recorded": RECORDED,
            "ingested": RECORDED,
            "money": st.none() | CENTS,
            "real": st.none() | REALS,
            "number": st.none() | st.integers(-3, 3),
            "wide": st.none() | st.sampled_from(WIDE),
            "big": st.none() | st.sampled_from(BIG),
            "huge": st.none() | st.sampled_from(HUGE),
            "flag": st.none() | st.sampled_from(["Y", "N", ""]),
            "born": st.none() | BIRTHDAYS,
            "label": st.none() | st.integers(0, 1),
            "is_retracted": st.sampled_from([False, False, False, True]),
        }
    )
    found = draw(st.lists(record, max_size=25))
    recorded = [event | {"row": row, "retraction": None} for row, event in enumerate(found)]
    late = [event for event in recorded if event.pop("is_retracted")]
    return recorded + [_retraction(event, len(found) + n) for n, event in enumerate(late)]


def _retraction(event: Event, row: int) -> Event:
    """A later record that withdraws an event; it says nothing but which."""
    said = ("key", "at", "tie", "ingested")
    empty = {name: value if name in said else None for name, value in event.items()}
    late = event["recorded"] + timedelta(days=row % 3)
    return empty | {"recorded": late, "row": row, "retraction": "entered twice"}


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


def _latest(expression: str, of: Callable[[Event], Any]) -> Meaning:
    return Meaning(expression, "latest", lambda h, row, seen: oracle.latest(h, row, of))


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
    _prior("sum(big)", lambda f: _decimal(oracle.total(_values("big")(f)))),
    _prior("avg(big)", lambda f: oracle.mean(_values("big")(f))),
    _prior("sum(huge)", lambda f: oracle.finite(oracle.total(_values("huge")(f)))),
    _latest("big * number - 1", lambda event: _product_less_one(event["big"], event["number"])),
    _latest("abs(big)", lambda event: _magnitude(event["big"])),
    _latest("huge * huge", lambda event: _square(event["huge"])),
    _latest("money", _column("money")),
    _latest("flag = 'Y'", _is_yes),
    _latest("number is null", lambda event: event["number"] is None),
    _latest("real / number", lambda event: oracle.divide(event["real"], event["number"])),
    _latest("born", _column("born")),
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
]  # fmt: skip


def _cast(value: bool | None) -> int | None:
    return None if value is None else int(value)


def _decimal(value: int | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _product_less_one(left: int | None, right: int | None) -> int | None:
    product = None if left is None or right is None else oracle.whole(left * right)
    return None if product is None else oracle.whole(product - 1)


def _magnitude(value: int | None) -> int | None:
    return None if value is None else oracle.whole(abs(value))


def _square(value: float | None) -> float | None:
    return None if value is None else oracle.finite(value * value)


def _more(count: int, years: int | None) -> bool | None:
    return None if years is None else count > years


def _at_least_30(born: date | None, day: date) -> bool | None:
    years = oracle.years_between(born, day)
    return None if years is None else years >= 30


@dataclass(frozen=True)
class Definition:
    """A compiled view and, for each feature, what it means."""

    view: CompiledView
    meanings: dict[str, Callable[[list[Event], Event], Any]]


@st.composite
def definitions(draw: st.DrawFn, whole_days: bool) -> Definition:
    """A view of a few features out of MEANINGS, over windows of several lengths."""
    chosen = draw(st.lists(st.sampled_from(MEANINGS), min_size=1, max_size=6))
    windows = [draw(st.sampled_from(WINDOWS)) for _ in chosen]
    refreshed = draw(st.sampled_from([None, None, *REFRESHED]))
    return define(list(zip(chosen, windows, strict=True)), whole_days, refreshed)


def everything(whole_days: bool) -> Definition:
    """A view with every meaning, over windows in turn."""
    return define(list(zip(MEANINGS, cycle(WINDOWS), strict=False)), whole_days)


def define(
    chosen: list[tuple[Meaning, tuple[Window, Seen]]],
    whole_days: bool,
    refreshed: str | None = None,
) -> Definition:
    """A compiled view of these features over a source of dated or timed events."""
    source = Source(
        "events",
        entity=Entity("thing", key="key"),
        event_timestamp="at",
        tiebreaker="tie",
        recorded_at="recorded_at",
        label="label",
        schema={
            "key": "bigint", "at": "date" if whole_days else "timestamp", "tie": "bigint",
            "money": "decimal(18,2)", "real": "double", "number": "bigint", "flag": "string",
            "wide": "decimal(38,2)", "big": "bigint", "huge": "double",
            "born": "date", "label": "bigint", "recorded_at": "timestamp",
        },
    )  # fmt: skip
    features, meanings = [], {}
    for index, (meaning, (window, seen)) in enumerate(chosen):
        if "lag" in meaning.expression and (seen.ending or seen.last):
            window, seen = WINDOWS[1]  # It counts back from the newest, as far as it needs.
        name, over = f"f{index}", {"prior": window, "latest": latest(), "request": None}
        features.append(Feature(name, meaning.expression, over=over[meaning.window]))
        meanings[name] = _bound(meaning, seen)
    return Definition(compile_view(FeatureView("things", source, features, refreshed)), meanings)


def _bound(meaning: Meaning, seen: Seen) -> Callable[[list[Event], Event], Any]:
    return lambda history, row: meaning.value(history, row, seen)
