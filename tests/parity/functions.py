"""Functions and casts with what each means on plain Python values; none of Hindcast's code."""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from tests.parity import oracle

Row = dict[str, Any]

TEXTS = ["", "abc", "Hello, World", "ÄbÇ", "İIi", "ß", "50%_", "日本語", "a'b"]
REALS = [
    *(0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.7, -3.7, 0.49999999999999994, 1e15 + 0.5, 2.0**52 + 1),
    *(1e308, -1e308, 1e-300, 2.0**63, -(2.0**63), 709.78, 709.79, 1000.0, -707.9, -1e4),
]
DATES = [date(2020, 2, 29), date(2021, 1, 3), date(1969, 12, 31), date(1, 1, 1), date(9999, 12, 31)]
INSTANTS = [
    datetime(2020, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2024, 12, 30, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 0, 0, 1, tzinfo=UTC),
    datetime(1900, 1, 1, 5, 30, tzinfo=UTC),
]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _after_1970(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "word": st.none() | st.sampled_from(TEXTS),
            "whole": st.none() | st.sampled_from([0, 1, -7, 2**63 - 1, -(2**63), 10**15]),
            "real": st.none() | st.sampled_from(REALS) | st.floats(-1e6, 1e6),
            "money": st.none() | st.integers(-(10**9), 10**9).map(lambda n: Decimal(n).scaleb(-2)),
            "wide": st.none() | st.sampled_from([Decimal("9" * 36 + ".99"), Decimal("-1.50")]),
            "is_on": st.none() | st.booleans(),
            "born": st.none() | st.sampled_from(DATES) | st.dates(date(1900, 1, 1)),
            "seen": st.none()
            | st.sampled_from(INSTANTS)
            | st.integers(-(2 * 10**15), 4 * 10**15).map(
                lambda n: EPOCH + timedelta(microseconds=n)
            ),
        }
    ),
    min_size=30,
    max_size=30,
)


def _of(column: str, what: Callable[[Any], Any]) -> Callable[[Row], Any]:
    """A function of one column: null in, null out."""
    return lambda row: None if row[column] is None else what(row[column])


def _letters(text: str, change: Callable[[str], str]) -> str:
    return "".join(change(each) if each.isascii() else each for each in text)


def rounded(value: float) -> float:
    """The nearest whole number, halves away from zero."""
    exact = Fraction(value)
    return math.copysign(float(math.floor(abs(exact) + Fraction(1, 2))), value)


def digits(value: Decimal, unit: str) -> Decimal:
    """The nearest decimal of that unit, halves away from zero."""
    with localcontext(prec=60):
        return value.quantize(Decimal(unit), ROUND_HALF_UP)


def cut(value: float | Decimal) -> int | None:
    """A whole number of 64 bits without the digits after the point."""
    return oracle.whole(int(value))


def power(value: float) -> float | None:
    """e to the power of a number; null beyond doubles, 0 far below."""
    return None if value > 709.782712893384 else 0.0 if value < -708 else math.exp(value)


def started(value: datetime, unit: str) -> datetime:
    """The start of its unit."""
    day = value.replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "year": day.replace(month=1, day=1),
        "quarter": day.replace(month=day.month - (day.month - 1) % 3, day=1),
        "month": day.replace(day=1),
        "week": day - timedelta(days=day.weekday()),
        "hour": value.replace(minute=0, second=0, microsecond=0),
    }[unit]


def midnight(day: date) -> datetime:
    """The start of a day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def elapsed(row: Row, unit: timedelta) -> int | None:
    """Completed units from birth to being seen."""
    if row["born"] is None or row["seen"] is None or midnight(row["born"]) > row["seen"]:
        return None
    return int((row["seen"] - midnight(row["born"])) // unit)


def in_cents(value: Decimal) -> Decimal:
    """With one digit after the point, halves away from zero."""
    return value.quantize(Decimal("0.1"), ROUND_HALF_UP)


MEANINGS: list[tuple[str, Callable[[Row], Any]]] = [
    ("lower(word)", _of("word", lambda text: _letters(text, str.lower))),
    ("upper(word)", _of("word", lambda text: _letters(text, str.upper))),
    ("length(word)", _of("word", len)),
    ("substr(word, 2)", _of("word", lambda text: text[1:])),
    ("substr(word, 1, 3)", _of("word", lambda text: text[:3])),
    ("year(born)", _of("born", lambda day: day.year)),
    ("month(seen)", _of("seen", lambda at: at.month)),
    ("day(seen)", _of("seen", lambda at: at.day)),
    ("day_of_week(born)", _of("born", lambda day: day.isoweekday())),
    ("day_of_week(seen)", _of("seen", lambda at: at.isoweekday())),
    ("hour(seen)", _of("seen", lambda at: at.hour)),
    ("date_trunc('year', seen)", _of("seen", lambda at: started(at, "year"))),
    ("date_trunc('hour', seen)", _of("seen", lambda at: started(at, "hour"))),
    ("date_trunc('week', seen)", _of("seen", lambda at: started(at, "week"))),
    ("date_trunc('month', born)", _of("born", lambda d: started(midnight(d), "month").date())),
    ("date_trunc('quarter', born)", _of("born", lambda d: started(midnight(d), "quarter").date())),
    ("years_between(born, seen)", lambda row: oracle.years_between(row["born"], _day(row))),
    ("days_between(born, seen)", lambda row: oracle.days_between(row["born"], _day(row))),
    ("hours_between(born, seen)", lambda row: elapsed(row, timedelta(hours=1))),
    ("seconds_between(born, seen)", lambda row: elapsed(row, timedelta(seconds=1))),
    ("round(real)", _of("real", rounded)),
    ("round(whole)", _of("whole", int)),
    ("round(money)", _of("money", lambda value: rounded(float(value)))),
    ("round(money, 1)", _of("money", lambda value: digits(value, "0.1"))),
    ("round(wide, 1)", _of("wide", lambda value: digits(value, "0.1"))),
    ("round(money, 2) + 0", _of("money", float)),
    ("round(whole, 3)", _of("whole", int)),
    ("floor(real)", _of("real", lambda value: float(math.floor(value)))),
    ("ceil(real)", _of("real", lambda value: float(math.ceil(value)))),
    ("ln(real)", _of("real", lambda value: math.log(value) if value > 0 else None)),
    ("sqrt(real)", _of("real", lambda value: math.sqrt(value) if value >= 0 else None)),
    ("exp(real)", _of("real", power)),
    ("cast(real as bigint)", _of("real", cut)),
    ("cast(money as bigint)", _of("money", cut)),
    ("cast(wide as bigint)", _of("wide", cut)),
    ("cast(whole as double)", _of("whole", float)),
    ("cast(money as double)", _of("money", float)),
    ("cast(whole as decimal(18,2))", _of("whole", lambda n: oracle.fitting(Decimal(n), 16))),
    ("cast(money as decimal(18,1))", _of("money", in_cents)),
    ("cast(is_on as bigint)", _of("is_on", int)),
    ("cast(is_on as double)", _of("is_on", float)),
    ("cast(whole as boolean)", _of("whole", bool)),
    ("cast(real as boolean)", _of("real", bool)),
    ("cast(whole as string)", _of("whole", str)),
    ("cast(money as string)", _of("money", str)),
    ("cast(is_on as string)", _of("is_on", lambda value: str(value).lower())),
    ("cast(born as string)", _of("born", lambda day: day.isoformat())),
    ("cast(born as timestamp)", _of("born", midnight)),
    ("cast(seen as date)", _of("seen", lambda at: at.date())),
    ("born >= date '1970-01-01'", _of("born", lambda day: day >= date(1970, 1, 1))),
    ("seen < timestamp '1970-01-01'", _of("seen", lambda at: at < midnight(date(1970, 1, 1)))),
    ("word like 'a%'", _of("word", lambda text: text.startswith("a"))),
    ("word in ('abc', 'ß')", _of("word", lambda text: text in ("abc", "ß"))),
    ("word not in ('abc', 'ß')", _of("word", lambda text: text not in ("abc", "ß"))),
    ("real between -1 and 2.5", _of("real", lambda value: -1 <= value <= 2.5)),
    ("coalesce(whole, 0)", lambda row: row["whole"] or 0),
    ("nullif(whole, 0)", lambda row: row["whole"] or None),
    ("greatest(real, 2.0)", lambda row: max(2.0 if row["real"] is None else row["real"], 2.0)),
    ("least(money, real)", lambda row: _least(row["money"], row["real"])),
    (
        "case is_on when true then 'on' when false then 'off' else '?' end",
        lambda row: {True: "on", False: "off", None: "?"}[row["is_on"]],
    ),
]


def _day(row: Row) -> date | None:
    return None if row["seen"] is None else row["seen"].date()


def _least(money: Decimal | None, real: float | None) -> float | None:
    given = [float(value) for value in (money, real) if value is not None]
    return min(given, default=None)
