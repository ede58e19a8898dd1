"""What a model lost: its metrics in a window against those of its release's holdout."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scipy import stats

from hindcast.definitions import Model
from hindcast.models.training.intervals import NORMAL, Interval
from hindcast.operations.drift.findings import Measurement


@dataclass(frozen=True)
class Held:
    """The holdout of a release. values: metric -> value; errors: metric -> its standard error."""

    rows: int
    values: Mapping[str, float]
    errors: Mapping[str, float]


def holdout(metrics: Mapping[str, Any]) -> Held:
    """What metrics.json says of the metrics that have an interval."""
    held, ranges = metrics["holdout"], metrics["holdout"]["intervals"]
    errors = {name: _error(*ends) for name, ends in ranges.items() if ends is not None}
    return Held(held["rows"], {name: held[name] for name in errors}, errors)


def expected(metrics: Mapping[str, Any]) -> Held:
    """What was expected of the holdout without its labels, as sure as what was measured."""
    held, values = holdout(metrics), metrics["without_labels"]["expected"]
    known = {name: values[name] for name in held.errors if values[name] is not None}
    return Held(held.rows, known, {name: held.errors[name] for name in known})


def of_slice(metrics: Mapping[str, Any], feature: str, value: str) -> Held | None:
    """The holdout's rows of a slice, whose errors are those of all, for so many rows less."""
    held, part = holdout(metrics), metrics["slices"].get(feature, {}).get(value)
    if part is None:
        return None
    fewer = math.sqrt(held.rows / part["rows"])
    values = {name: part[name] for name in held.errors if part[name] is not None}
    return Held(part["rows"], values, {name: held.errors[name] * fewer for name in values})


def measured(
    model: Model,
    statistic: str,
    held: Held,
    found: Mapping[str, Interval | None],
    rows: int,
    part: str | None = None,
    spread: Mapping[str, float] | None = None,
    note: str = "",
) -> Iterator[Measurement]:
    """Per metric, the share of the holdout's that was lost, and how likely that is by chance.

    The chance is one-sided, of the difference of two independent normal estimates. spread: metric
    -> an error of the estimate beside that of its interval. part: the slice, as people read it.
    """
    for name, each in found.items():
        if each is None or name not in held.values:
            continue
        known = held.values[name]
        worse = known - each.estimate if name in model.rules.rising else each.estimate - known
        error = math.hypot(held.errors[name], each.error, (spread or {}).get(name, 0.0))
        yield Measurement(
            kind="performance",
            name=name,
            slice=part,
            population="served",
            statistic=statistic,
            value=worse / abs(known) if known else 0.0,
            limit=model.drift.performance,
            p_value=float(stats.norm.sf(worse / error)) if error else float(worse <= 0),
            reference_rows=held.rows,
            current_rows=rows,
            note=f"{each.estimate:.4g} [{each.low:.4g}, {each.high:.4g}] against {known:.4g}{note}",
        )


def _error(low: float, high: float) -> float:
    return (high - low) / (2 * NORMAL)
