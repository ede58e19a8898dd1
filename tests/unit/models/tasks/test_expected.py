"""What metrics are expected to be without labels, against what they are once labels are there."""

import numpy as np
import pytest

from hindcast.models.tasks import expected
from hindcast.models.tasks.expected import Expected
from tests.unit.models.tasks.samples import SAMPLES

ROWS = 20_000


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_expected_is_near_what_labels_show_also_where_rows_became_harder(name: str) -> None:
    task, sample = SAMPLES[name]
    random = np.random.default_rng(3)
    held = expected.of_holdout(task, *sample(random, ROWS))
    labels, scores = sample(random, ROWS, hard=True)
    weights = np.ones(ROWS)

    estimated = Expected(task, scores, held["uncertainty"]).measure(weights)
    known = task.resampled(labels, scores).measure(weights)
    before = np.array([held["expected"][name] for name in task.compared])

    # They did become harder, by far more than the estimate is off.
    assert np.abs(known / before - 1).max() > 0.5
    assert estimated == pytest.approx(known, rel=0.05)


def test_many_classes_are_expected_of_as_many_rows_as_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task, sample = SAMPLES["multiclass"]
    _, scores = sample(np.random.default_rng(4), ROWS)
    whole = Expected(task, scores, {}).measure(np.ones(ROWS))
    monkeypatch.setattr(expected, "MOST_VALUES", 25 * 3 * ROWS // 4)
    assert Expected(task, scores, {}).measure(np.ones(ROWS)) == pytest.approx(whole, rel=0.05)
