"""Instants: a date or ISO text becomes UTC, or says how to write it."""

from datetime import UTC, datetime

import pytest

from hindcast.errors import InputError
from hindcast.instants import instant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-09-17", datetime(2021, 9, 17, tzinfo=UTC)),
        ("2021-09-17T12:00:00", datetime(2021, 9, 17, 12, tzinfo=UTC)),
        ("2021-09-17T12:00:00Z", datetime(2021, 9, 17, 12, tzinfo=UTC)),
        ("2021-09-17T12:00:00+02:00", datetime(2021, 9, 17, 10, tzinfo=UTC)),
        ("2021-09-17T12:00:00.000001", datetime(2021, 9, 17, 12, 0, 0, 1, UTC)),
    ],
)
def test_an_instant_is_in_utc_unless_it_says_otherwise(text: str, expected: datetime) -> None:
    found = instant(text, "as_of")
    assert found == expected
    assert found.tzinfo is UTC


@pytest.mark.parametrize("text", ["", "yesterday", "17.09.2021", "2021-02-29", "2021-09-17T25:00"])
def test_what_is_no_instant_is_refused_with_its_name_and_the_way_to_write_it(text: str) -> None:
    with pytest.raises(InputError) as raised:
        instant(text, "--known-by")
    assert str(raised.value) == (
        f"--known-by '{text}': not a date or instant; write 2021-09-17 or 2021-09-17T12:00:00Z"
    )
