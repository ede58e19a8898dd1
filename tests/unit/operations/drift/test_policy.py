"""What counts as drift: large, not by chance however many features there are, and lasting."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hindcast.definitions import Drift
from hindcast.operations.drift import history, policy
from hindcast.operations.drift.findings import Measurement, Period
from hindcast.operations.drift.history import FormerCheck
from hindcast.stores.ledger.documents import document

WEEK = timedelta(days=7)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DRIFT = Drift()
MOVED = Measurement("feature", "amount", None, "served", "psi", 0.5, 0.2, 1e-9, 1000, 1000)


def test_what_is_sure_but_small_and_what_is_large_but_chance_is_no_drift() -> None:
    small, chance = replace(MOVED, value=0.1), replace(MOVED, p_value=0.2)
    assert policy.moved([small, chance, MOVED], 0.01) == [MOVED]


def test_among_many_features_one_must_be_surer() -> None:
    lucky = replace(MOVED, p_value=0.005)
    others = [replace(MOVED, name=f"f{number}", p_value=0.5) for number in range(50)]
    assert policy.moved([lucky], 0.01) == [lucky]
    assert policy.moved([lucky, *others], 0.01) == []


def test_what_is_only_shown_or_needs_no_test_is_kept_out_of_the_correction() -> None:
    shown, sure = replace(MOVED, limit=None, p_value=0.9), replace(MOVED, p_value=None)
    assert policy.moved([shown, sure], 0.01) == [sure]


def test_what_moved_alerts_in_the_second_window_in_a_row_and_is_dated_to_the_first() -> None:
    checks: list[FormerCheck] = []
    for number in range(3):
        found = checked(checks, week(number), MOVED)
        assert (found["alert"], found["windows"]) == (number >= 1, number + 1)
        assert found["since"] == FIRST.isoformat()


def test_a_window_looked_at_twice_is_one() -> None:
    checks: list[FormerCheck] = []
    checked(checks, week(0), MOVED)
    assert not checked(checks, week(0), MOVED)["alert"]
    late = Period(FIRST + WEEK / 2, FIRST + WEEK * 1.5)
    assert not checked(checks, late, MOVED)["alert"]


def test_a_gap_another_length_another_release_and_another_subject_begin_anew() -> None:
    checks: list[FormerCheck] = []
    checked(checks, week(0), MOVED)
    assert not checked(list(checks), week(3), MOVED)["alert"]
    assert not checked(list(checks), Period(FIRST + WEEK, FIRST + 4 * WEEK), MOVED)["alert"]
    assert not checked(list(checks), week(1), MOVED, release="m-2")["alert"]
    assert not checked(list(checks), week(1), replace(MOVED, slice="a = b"))["alert"]


def week(number: int) -> Period:
    return Period(FIRST + number * WEEK, FIRST + (number + 1) * WEEK)


def checked(
    checks: list[FormerCheck], window: Period, measurement: Measurement, release: str = "m-1"
) -> dict[str, Any]:
    """The only finding of a check, as the ledger has it; the check is added to those before."""
    before = history.streaks(checks, release, window)
    [found] = policy.judge("m", [measurement], DRIFT, window, before)
    kept = document({"found": found})["found"]
    checks.insert(0, FormerCheck("run", release, window, [kept], {}, ""))
    return dict(kept)
