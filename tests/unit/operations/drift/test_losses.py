"""How often a loss is told of that is none, one that is missed, and how far estimates are off."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hindcast.definitions import Entity, Feature, FeatureView, Label, Model, Source, prior
from hindcast.models.tasks import expected
from hindcast.models.tasks.base import Labels, Reals, Resampled, Task
from hindcast.models.tasks.expected import Expected
from hindcast.models.training import intervals
from hindcast.operations.drift import estimates, losses, policy
from hindcast.operations.drift.estimates import ESTIMATED_LOSS
from hindcast.operations.drift.findings import Measurement, Period
from hindcast.operations.drift.losses import Held
from hindcast.operations.drift.performance import LOSS
from tests.unit.models.tasks.samples import SAMPLES

WEEK, START = timedelta(days=7), datetime(2026, 1, 1, tzinfo=UTC)
ROWS, HELD, CHECKS, RESAMPLES = 1_000, 5_000, 200, 30
LABELS = {"binary": "bigint", "multiclass": "string", "regression": "double"}


def model(task: str) -> Model:
    schema = {"id": "bigint", "at": "timestamp", "y": LABELS[task]}
    source = Source("events", Entity("thing", "id"), "at", schema=schema)
    view = FeatureView("view", source, [Feature("events_before", "count(*)", over=prior())])
    return Model("m", view[...], Label("events.y"), estimator=lambda seed: None, task=task)  # type: ignore[arg-type]


def measured(of: Model, task: Task, sample: tuple[Labels, Reals], held: Held) -> list[Measurement]:
    labels, scores = sample
    rows = task.resampled(labels, scores)
    found = interval(task, rows, len(labels))
    return list(losses.measured(of, LOSS, held, found, len(labels)))


def interval(task: Task, rows: Resampled, count: int) -> dict[str, intervals.Interval | None]:
    return intervals.of(task, rows, np.arange(count), 1, RESAMPLES)


def holdout(task: Task, sample: tuple[Labels, Reals]) -> Held:
    found = interval(task, task.resampled(*sample), len(sample[0]))
    known = {name: each for name, each in found.items() if each is not None}
    return Held(
        len(sample[0]),
        {name: each.estimate for name, each in known.items()},
        {name: each.error for name, each in known.items()},
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_labels_that_turned_alert_in_their_second_window_and_others_do_not(name: str) -> None:
    """The sixth drift: the scores are as before, and mean the opposite."""
    task, sample = SAMPLES[name]
    of, random = model(name), np.random.default_rng(5)
    held = holdout(task, sample(random, HELD))
    alerts = {}
    for turned in (False, True):
        before: policy.Streaks = {}
        for number in range(2):
            window = Period(START + number * WEEK, START + (number + 1) * WEEK)
            labels, scores = sample(random, ROWS)
            labels = (labels.max() - labels) if turned else labels
            moved = measured(of, task, (labels, scores), held)
            found = policy.judge("m", moved, of.drift, window, before)
            before = {each.subject: (each.windows, each.since) for each in found}
        alerts[turned] = {each.name for each in found if each.alert}
    assert alerts[False] == set()
    assert task.compared[0] in alerts[True]


def test_fewer_than_one_in_twenty_checks_of_a_model_as_good_as_ever_finds_a_loss() -> None:
    """Not even where the limit on how large a loss must be is gone, and sure is enough."""
    task, sample = SAMPLES["binary"]
    of, random = model("binary"), np.random.default_rng(6)
    wrong = 0
    for held in holdouts(task, random):
        found = measured(of, task, sample(random, ROWS), held)
        sure = [each for each in found if each.value > 0]
        unlimited = [replace(each, limit=0.0) for each in sure]
        wrong += bool(policy.moved(unlimited, of.drift.significance))
    assert wrong / CHECKS < 0.05


def holdouts(task: Task, random: np.random.Generator) -> Iterator[Held]:
    """One for each check: a lucky one would be wrong in all of them."""
    for _ in range(CHECKS):
        yield holdout(task, SAMPLES[task.name][1](random, ROWS))


@pytest.mark.parametrize("name", SAMPLES)
def test_the_backtest_says_how_far_estimates_were_off(name: str) -> None:
    task, sample = SAMPLES[name]
    random = np.random.default_rng(7)
    uncertainty = expected.of_holdout(task, *sample(random, 20_000))["uncertainty"]
    past = [
        estimates.backtest(task, *sample(random, 5_000, hard=week > 2), uncertainty)
        for week in range(5)
    ]
    off = estimates.errors(past)
    assert set(off) == set(task.compared)
    assert all(off[metric] < 0.05 * abs(past[0].known[metric]) for metric in off)

    labels, scores = sample(random, 5_000)
    turned = estimates.backtest(task, labels.max() - labels, scores, uncertainty)
    blind = estimates.errors([turned])
    for metric in off:
        assert blind[metric] == pytest.approx(abs(turned.estimated[metric] - turned.known[metric]))
    assert max(blind[m] / abs(past[0].known[m]) for m in off) > 0.2


def test_an_estimate_that_was_off_before_is_no_sure_loss_now() -> None:
    task, sample = SAMPLES["binary"]
    random = np.random.default_rng(8)
    held = holdout(task, sample(random, HELD))
    _, scores = sample(random, ROWS, hard=True)
    found = interval(task, Expected(task, scores, {}), ROWS)
    sure, unsure = (
        list(losses.measured(model("binary"), ESTIMATED_LOSS, held, found, ROWS, spread=spread))
        for spread in ({}, dict.fromkeys(task.compared, 0.5))
    )
    assert [each.value for each in sure] == [each.value for each in unsure]
    [certain], [uncertain] = (
        [each.p_value for each in found if each.name == "roc_auc"] for found in (sure, unsure)
    )
    assert certain is not None
    assert uncertain is not None
    assert certain < 1e-6
    assert uncertain > 0.2
