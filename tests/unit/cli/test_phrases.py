"""Times, lengths and parameters as a person says them."""

from datetime import UTC, datetime, timedelta

import pytest

from hindcast.cli import phrases

NOW = datetime(2026, 11, 28, 10, 19, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(seconds=12), "12 s ago"),
        (timedelta(minutes=3, seconds=59), "3 min ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=6), "6 days ago"),
        (timedelta(days=7), "2026-11-21 10:19"),
        # The database's clock may be ahead of this machine's.
        (timedelta(minutes=-3), "2026-11-28 10:22"),
    ],
)
def test_what_was_lately_is_said_by_how_long_ago(before: timedelta, said: str) -> None:
    assert phrases.ago(NOW - before, NOW) == said


def test_what_never_was_is_left_empty() -> None:
    assert (phrases.ago(None, NOW), phrases.took(None)) == ("", "")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.04, "0.0 s"), (59.94, "59.9 s"), (61, "1 min"), (7_300, "2 h")]
)
def test_a_run_took_seconds_minutes_or_hours(seconds: float, said: str) -> None:
    assert phrases.took(seconds) == said


def test_parameters_are_words_and_instants_are_short() -> None:
    given = {
        "model": "delay",
        "as_of": "2021-09-17T00:00:00+00:00",
        "known_by": "2026-11-28T10:19:30.000005+00:00",
        "steps": [5, 25],
        "looks": {"seconds": 60},
        "force": False,
        "reason": None,
    }
    assert phrases.parameters(given) == (
        "model=delay as_of=2021-09-17 known_by=2026-11-28T10:19 steps=5,25 looks=seconds:60"
    )
