"""Strategies for histories and definitions: ties, nulls, leap days, window edges, late records."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import cycle
from typing import Any

from hypothesis import strategies as st

from hindcast import names
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
from tests.parity.meanings import MEANINGS, Meaning
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
WIDE = [Decimal(text) for text in ("9" * 36 + ".99", "5e35", "7.01", "-3e35", "-0.01", "-5e35")]
BIG = [2**63 - 1, -(2**63), 1, -7]
HUGE = [1e308, 1.5e308, 0.25, 3e-200]
VECTORS = st.lists(st.sampled_from([0.1, -0.0, 5e-324, 1.5e308]), min_size=3, max_size=3)
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
            "vector": st.none() | VECTORS,
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


def at_the_edges() -> list[Event]:
    """Entities whose sums just fit 38 digits, or just do not, and whose products are too large."""
    wide = [("5e35", "5e35", "-0.01"), ("-5e35", "-5e35", "0.01"), ("5e35", "5e35", "0")]
    big = [(2**63 - 1, 1, -7), (-(2**63), -(2**63), 1), (-(2**63), 3, 3)]
    empty = dict.fromkeys(("real", "huge", "flag", "born", "vector", "label", "retraction"))
    known = {"tie": 1, "recorded": START, "ingested": START, "row": 1, "money": Decimal(1)}
    own = [
        {"key": key, "number": 3 - 2 * n, "wide": Decimal(wide[key][n]), "big": big[key][n]}
        for key in range(3)
        for n in range(3)
    ]
    days = [START + timedelta(days=n) for n in range(len(own))]
    return [empty | known | each | {"at": day} for each, day in zip(own, days, strict=True)]


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
    is_ordered = draw(st.sampled_from([True, True, False]))
    return define(list(zip(chosen, windows, strict=True)), whole_days, refreshed, is_ordered)


def everything(whole_days: bool) -> Definition:
    """A view with every meaning, over windows in turn."""
    return define(list(zip(MEANINGS, cycle(WINDOWS), strict=False)), whole_days)


def of_digits() -> Definition:
    """A view of what needs more digits than there are, with each kind of aggregate."""
    starts = ("sum(wide)", "sum(big * big)", "max(-big", "avg(coalesce(big", "big * big")
    found = [meaning for meaning in MEANINGS if meaning.expression.startswith(starts)]
    return define([(meaning, WINDOWS[0]) for meaning in found], whole_days=False)


def define(
    chosen: list[tuple[Meaning, tuple[Window, Seen]]],
    whole_days: bool,
    refreshed: str | None = None,
    is_ordered: bool = True,
) -> Definition:
    """A compiled view of these features over a source of dated or timed events.

    is_ordered: whether the source has a tiebreaker.
    """
    source = Source(
        "events",
        entity=Entity("thing", key="key"),
        event_timestamp="at",
        tiebreaker="tie" if is_ordered else names.EVENT_DIGEST,
        recorded_at="recorded_at",
        label="label",
        schema={
            "key": "bigint", "at": "date" if whole_days else "timestamp", "tie": "bigint",
            "money": "decimal(18,2)", "real": "double", "number": "bigint", "flag": "string",
            "wide": "decimal(38,2)", "big": "bigint", "huge": "double",
            "born": "date", "vector": "double[3]", "label": "bigint", "recorded_at": "timestamp",
        },
    )  # fmt: skip
    features, meanings = [], {}
    for index, (meaning, (window, seen)) in enumerate(chosen):
        if "lag" in meaning.expression and (seen.ending or seen.last):
            window, seen = WINDOWS[1]  # It counts back from the newest, as far as it needs.
        name, over = f"f{index}", {"prior": window, "latest": latest(), "request": None}
        features.append(Feature(name, meaning.expression, over=over[meaning.window]))
        meanings[name] = _bound(meaning, seen, is_ordered)
    return Definition(compile_view(FeatureView("things", source, features, refreshed)), meanings)


def _bound(meaning: Meaning, seen: Seen, is_ordered: bool) -> Callable[[list[Event], Event], Any]:
    return lambda history, row: meaning.value(history, row | {"is_ordered": is_ordered}, seen)
