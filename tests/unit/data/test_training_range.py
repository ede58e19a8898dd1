"""Only the events of a range are trained on, the others are counted, and a manifest keeps it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hindcast.data import training_range
from hindcast.data.training_range import OUTSIDE, TrainingRange
from hindcast.errors import InputError
from tests.unit.models.training import samples

START, UNTIL = datetime(1980, 1, 1, tzinfo=UTC), datetime(1990, 1, 1, tzinfo=UTC)


def test_a_range_has_its_start_and_not_its_end() -> None:
    data = samples.training_set()
    instants = data.table["event_timestamp"].to_pylist()
    first, last = min(instants), max(instants)
    whole = training_range.within(data, TrainingRange(first, None))
    assert whole.table.equals(data.table)
    assert training_range.within(data, TrainingRange(None, last)).left_out[OUTSIDE] == 1


def test_rows_outside_are_counted_beside_the_others() -> None:
    data = samples.training_set()
    found = training_range.within(data, TrainingRange(START, UNTIL))
    kept = found.table["event_timestamp"].to_pylist()
    assert min(kept) >= START
    assert max(kept) < UNTIL
    assert len(kept) + found.left_out[OUTSIDE] == len(data.table)


def test_what_was_revised_is_counted_among_the_rows_of_the_range() -> None:
    data = samples.training_set()
    is_older = data.micros() < datetime(1990, 1, 1, tzinfo=UTC).timestamp() * 1_000_000
    marked = {"events": is_older, "amount": ~is_older}
    data = replace(data, is_revised=marked, is_outdated=marked)
    assert 0 < data.revised["events"] < 1
    found = training_range.within(data, TrainingRange(START, UNTIL))
    assert found.revised == found.outdated == {"events": 1.0, "amount": 0.0}


def test_without_a_range_nothing_is_left_out() -> None:
    data = samples.training_set()
    assert training_range.within(data, TrainingRange()) is data


@pytest.mark.parametrize(
    "chosen", [TrainingRange(), TrainingRange(START), TrainingRange(START, UNTIL)]
)
def test_a_manifest_keeps_a_range(chosen: TrainingRange) -> None:
    assert training_range.of_document(chosen.document()) == chosen
    assert training_range.of_document(None) == TrainingRange()


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InputError, match=r"from 1990-01-01.* until 1980-01-01.* is empty"):
        TrainingRange(UNTIL, START)
