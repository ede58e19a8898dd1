"""The last label that was known of an entity when a question was asked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from hindcast.data.training_rows import TrainingSet
from hindcast.models.training import last_labels
from tests.unit.models.training import samples

START = datetime(2021, 1, 1, tzinfo=UTC)
# Entity, day of the event, label.
ROWS = [(1, 0, 10), (1, 2, 20), (2, 2, 99), (1, 3, 30), (1, 3, 31), (2, 4, 98)]


def events(matures: timedelta, ahead: timedelta) -> TrainingSet:
    data = samples.training_set(task="regression")
    keys, days, _ = zip(*ROWS, strict=True)
    instants = pa.array([START + timedelta(days=day) for day in days], pa.timestamp("us", tz="UTC"))
    label = replace(data.labelled.label, matures=matures, ahead=ahead)
    return replace(
        data,
        table=pa.table({"key": keys, "event_timestamp": instants}),
        labelled=replace(data.labelled, label=label),
    )


@pytest.mark.parametrize(
    ("matures", "ahead", "expected"),
    [
        (0, 0, [np.nan, 10, np.nan, 20, 20, 99]),
        (1, 0, [np.nan, 10, np.nan, 10, 10, 99]),
        (0, 1, [np.nan, 10, np.nan, 10, 10, 99]),
        (1, 1, [np.nan, np.nan, np.nan, 10, 10, np.nan]),
    ],
    ids=["known at once", "after a day", "a day ahead", "both"],
)
def test_a_row_knows_the_labels_that_had_matured_when_it_was_asked(
    matures: int, ahead: int, expected: list[float]
) -> None:
    """Never its own, nor one of its own instant."""
    data = events(timedelta(days=matures), timedelta(days=ahead))
    labels = np.array([label for _, _, label in ROWS])
    found = last_labels.of(data, labels, np.full(len(ROWS), True))
    np.testing.assert_array_equal(found, expected)
    some = np.array([False, True, False, True, False, False])
    np.testing.assert_array_equal(last_labels.of(data, labels, some), found[some])
