"""Whether a week is asked as much as the weeks before it, hour by hour."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hindcast.operations.drift import volume
from hindcast.operations.drift.findings import Period

UNTIL = datetime(2026, 3, 30, tzinfo=UTC)
WEEK = Period(UNTIL - timedelta(days=7), UNTIL)


def traffic(weeks: int, now: float = 1.0, rate: float = 40.0) -> dict[datetime, int]:
    """Lines per hour: busy by day, quiet at night and on weekends; the last week is `now` of it."""
    random, start = np.random.default_rng(1), UNTIL - timedelta(weeks=weeks)
    found = {}
    for hour in (start + n * timedelta(hours=1) for n in range(weeks * 168)):
        usual = rate * (0.1 + (8 <= hour.hour < 20)) * (0.3 if hour.weekday() > 4 else 1.0)
        lines = int(random.poisson(usual * (now if hour >= WEEK.since else 1.0)))
        if lines:
            found[hour] = lines
    return found


def test_a_week_like_the_others_is_usual_though_its_hours_differ() -> None:
    found = volume.of_counts(traffic(9), WEEK)
    assert found is not None
    assert found.change < 0.05
    assert found.p_value > 0.01
    assert found.outside < volume.HOURS_OUTSIDE / 4


@pytest.mark.parametrize("now", [0.0, 0.3, 2.0], ids=["silence", "less", "more"])
def test_a_week_of_other_traffic_is_told_from_them(now: float) -> None:
    found = volume.of_counts(traffic(9, now), WEEK)
    assert found is not None
    assert found.change == pytest.approx(abs(1 - now), abs=0.05)
    assert found.p_value < 0.001
    assert found.outside > volume.HOURS_OUTSIDE


def test_one_week_that_was_a_holiday_does_not_make_what_is_usual() -> None:
    counts = traffic(9)
    holiday = Period(WEEK.since - timedelta(days=7), WEEK.since)
    quiet = {h: n for h, n in counts.items() if not holiday.since <= h < holiday.until}
    found = volume.of_counts(quiet, WEEK)
    assert found is not None
    assert found.change < 0.05


def test_a_log_of_few_weeks_says_nothing_of_what_is_usual() -> None:
    assert volume.of_counts(traffic(3), WEEK) is None
    assert volume.of_counts({}, WEEK) is None
