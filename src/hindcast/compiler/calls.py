"""Aggregates that need all events of their window in one frame, as each engine computes them."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from sqlglot import exp

from hindcast.compiler import arithmetic

# The most events that lag counts back.
MOST_BACK = 100_000
# Aggregates that can be made of those of two parts of a window.
MERGED: dict[type[exp.Expression], str] = {
    exp.Count: "count",
    exp.Min: "min",
    exp.Max: "max",
    exp.LogicalOr: "max",
    exp.LogicalAnd: "min",
}
_LOWER_MIDDLE, _UPPER_MIDDLE = "0.5", "0.500000000000000001"


@dataclass(frozen=True)
class Frame:
    """One frame: window makes a column of a call over it, and says which. engine: whose SQL."""

    engine: str
    window: Callable[[str], str]

    @property
    def is_spark(self) -> bool:
        """Whether it is Spark's, and not DuckDB's."""
        return self.engine == "spark"


def distinct(frame: Frame, slot: str) -> str:
    """How many different values there are."""
    if frame.is_spark:
        return f"SIZE({frame.window(f'COLLECT_SET({slot})')})"
    return frame.window(f"COUNT(DISTINCT {slot})")


def quantile(frame: Frame, slot: str, share: str) -> str:
    """The least value that at least a share of the values do not exceed; share: a decimal."""
    if not frame.is_spark:
        return frame.window(f"QUANTILE_DISC({slot}, {share})")
    values = frame.window(f"COLLECT_LIST({slot})")
    position = f"CAST(GREATEST(CEIL(SIZE({values}) * {share}BD), 1) AS INT) - 1"
    return f"GET(SORT_ARRAY({values}), {position})"


def median(frame: Frame, slot: str) -> str:
    """The middle double, or the mean of the two in the middle."""
    lower, upper = (quantile(frame, slot, share) for share in (_LOWER_MIDDLE, _UPPER_MIDDLE))
    # Halved first, no two doubles add up to more than a double.
    return f"({lower} / 2 + {upper} / 2)"


def mode(frame: Frame, slot: str) -> str:
    """The most frequent value; the least of those."""
    if not frame.is_spark:
        values = frame.window(f"LIST({slot}) FILTER (WHERE {slot} IS NOT NULL)")
        # Of a list it is the first of the most frequent.
        return f"LIST_AGGREGATE(LIST_SORT({values}), 'mode')"
    values = frame.window(f"COLLECT_LIST({slot})")
    counted = f"STRUCT(-SIZE(FILTER({values}, y -> y = x)) AS n, x AS value)"
    return f"ARRAY_MIN(TRANSFORM(ARRAY_DISTINCT({values}), x -> {counted})).value"


def first(frame: Frame, slot: str) -> str:
    """The value of the oldest event with one."""
    return frame.window(_skipping_nulls("FIRST_VALUE", frame, slot))


def last(frame: Frame, slot: str) -> str:
    """The value of the newest event with one."""
    return frame.window(_skipping_nulls("LAST_VALUE", frame, slot))


def variance(frame: Frame, slot: str) -> str:
    """The variance of a sample of doubles; null beyond doubles."""
    return arithmetic.finite(frame.engine, frame.window(f"VAR_SAMP({slot})"))


def stddev(frame: Frame, slot: str) -> str:
    """The standard deviation of a sample of doubles; null where the variance is."""
    return f"SQRT({variance(frame, slot)})"


def share_of(node: exp.Quantile) -> str:
    """The second argument of quantile(x, q), without an exponent."""
    return f"{Decimal(node.args['quantile'].this):f}"


def _skipping_nulls(function: str, frame: Frame, slot: str) -> str:
    return f"{function}({slot}, TRUE)" if frame.is_spark else f"{function}({slot} IGNORE NULLS)"


# What is computed of the argument alone.
CALLS: dict[type[exp.Expression], Callable[[Frame, str], str]] = {
    exp.Median: median,
    exp.Mode: mode,
    exp.First: first,
    exp.Last: last,
    exp.Variance: variance,
    exp.Stddev: stddev,
}
# Of these the argument is a double.
IN_DOUBLES = (exp.Median, exp.Variance, exp.Stddev)
