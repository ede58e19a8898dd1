"""When a view is refreshed: what may be written, and the instants that it means."""

import pytest

from hindcast.definitions import schedule
from hindcast.definitions.schedule import Schedule
from hindcast.errors import DefinitionError

HOUR = 3_600_000_000


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("daily 02:00", Schedule(24 * HOUR, 2 * HOUR)),
        ("daily 23:30", Schedule(24 * HOUR, 23 * HOUR + HOUR // 2)),
        ("hourly", Schedule(HOUR, 0)),
        ("every 6 hours", Schedule(6 * HOUR, 0)),
    ],
)
def test_a_schedule_is_a_period_and_its_offset_from_midnight(text: str, meant: Schedule) -> None:
    assert schedule.parse(text, "view") == meant


@pytest.mark.parametrize("text", ["daily", "daily 2:00", "daily 24:00", "every 5 hours", "Hourly"])
def test_any_other_text_is_refused_with_what_may_be_written(text: str) -> None:
    expected = f"^feature view 'v': refreshed is '{text}'; use 'daily HH:MM'"
    with pytest.raises(DefinitionError, match=expected):
        schedule.parse(text, "feature view 'v'")
