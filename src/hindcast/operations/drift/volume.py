"""How much a model is asked, against the same hours of the weeks before."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hindcast.audit.prediction_log import reader
from hindcast.operations.drift.examination import Examination
from hindcast.operations.drift.findings import Found, Measurement, Period, Unjudged

HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
WEEKS, LEAST_WEEKS = 8, 3
# The middle of what an hour had in past weeks, and how many errors of counting beside it are usual.
MIDDLE, COUNTING = (0.1, 0.9), 3
# A normal distribution's standard deviation, by its median absolute deviation.
PER_MAD = 1.4826
# From this share of the hours on, it is not single hours that were unusual.
HOURS_OUTSIDE = 0.25

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Volume:
    """Lines per hour of a window, [hours], and in the same hours of past weeks, [weeks, hours]."""

    now: Counts
    past: Counts

    @property
    def usual(self) -> float:
        """The median of the past weeks' totals."""
        return float(np.median(self.past.sum(axis=1)))

    @property
    def change(self) -> float:
        """How far the total is from the usual one, as a share of it."""
        return abs(int(self.now.sum()) - self.usual) / self.usual

    @property
    def p_value(self) -> float:
        """How likely so large a change is: two-sided, of Student's t with a robust deviation."""
        totals = self.past.sum(axis=1)
        spread = PER_MAD * float(np.median(np.abs(totals - self.usual)))
        error = math.hypot(spread, math.sqrt(self.usual + 1))
        off = abs(int(self.now.sum()) - self.usual) / error
        return float(2 * stats.t.sf(off, len(totals) - 1))

    @property
    def outside(self) -> float:
        """The share of hours outside of the band of that hour and weekday."""
        low, high = np.quantile(self.past, MIDDLE, axis=0)
        is_outside = (self.now < low - COUNTING * np.sqrt(low + 1)) | (
            self.now > high + COUNTING * np.sqrt(high + 1)
        )
        return float(is_outside.mean())


def examine(of: Examination) -> Found:
    """The model's lines in the whole hours of the window, of every release and outcome."""
    counted = reader.per_hour(of.application.lake, of.model.name, of.window.until)
    found = of_counts(counted, of.window)
    needed = of.model.drift.least_rows
    if found is None:
        reason = f"the log does not reach back {LEAST_WEEKS} weeks before the window"
        return Found(unjudged=(Unjudged("volume", reason),))
    if found.usual < needed:
        reason = f"{found.usual:.0f} answers are usual in such a window; {needed} are needed"
        return Found(unjudged=(Unjudged("volume", reason),))
    note = f"{found.now.sum()} in {len(found.now)} hours, usually {found.usual:.0f}"
    limit = of.model.drift.volume
    return Found(
        (
            _measurement(found, "change", found.change, limit, found.p_value, note),
            _measurement(found, "hours outside", found.outside, HOURS_OUTSIDE, None, note),
        )
    )


def of_counts(counted: Mapping[datetime, int], window: Period) -> Volume | None:
    """The hours of a window beside those of the weeks that the counts reach back to; None if few.

    counted: the start of an hour -> its lines; an hour without any is not there.
    """
    hours = _hours(window)
    first = min(counted, default=None)
    if first is None or not hours:
        return None
    weeks = [n for n in range(1, WEEKS + 1) if hours[0] - n * WEEK >= first]
    if len(weeks) < LEAST_WEEKS:
        return None
    now = np.array([counted.get(hour, 0) for hour in hours])
    past = [[counted.get(hour - n * WEEK, 0) for hour in hours] for n in weeks]
    return Volume(now, np.array(past))


def _hours(window: Period) -> Sequence[datetime]:
    """The starts of the whole hours within a window."""
    since, until = window.since.astimezone(UTC), window.until.astimezone(UTC)
    start = since.replace(minute=0, second=0, microsecond=0)
    start += HOUR if start < since else timedelta(0)
    return [start + n * HOUR for n in range(max(0, (until - start) // HOUR))]


def _measurement(
    found: Volume, statistic: str, value: float, limit: float, p_value: float | None, note: str
) -> Measurement:
    return Measurement(
        kind="volume",
        name="answers",
        slice=None,
        population="served",
        statistic=statistic,
        value=value,
        limit=limit,
        p_value=p_value,
        reference_rows=int(found.past.sum()),
        current_rows=int(found.now.sum()),
        note=note,
    )
