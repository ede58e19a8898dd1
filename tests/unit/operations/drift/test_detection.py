"""How often a check is wrong: false alarms on undrifted data, and drifts that it misses."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hindcast.definitions import Drift
from hindcast.models.tasks import histograms
from hindcast.operations.drift import compare, policy
from hindcast.operations.drift.findings import Measurement, Period
from hindcast.operations.drift.reference import Bins, Counts, Reference, Slice

Columns = dict[str, NDArray[Any]]

RESAMPLES, ROWS, KNOWN = 200, 1_000, 20_000
SLICE = Slice("kind", "a")
WEEK = timedelta(days=7)
START = datetime(2026, 1, 1, tzinfo=UTC)


def test_fewer_than_one_in_twenty_checks_of_undrifted_data_finds_anything() -> None:
    """Not even where every limit on how large a drift must be is gone, and sure is enough."""
    pool, random = population(50_000, seed=1), np.random.default_rng(2)
    wrong = {"as declared": 0, "without limits": 0}
    for _ in range(RESAMPLES):
        rows = random.integers(0, 50_000, ROWS)
        found = measured({name: values[rows] for name, values in pool.items()}, Drift())
        unlimited = [replace(each, limit=each.limit and 0.0) for each in found]
        wrong["as declared"] += bool(policy.moved(found, Drift().significance))
        wrong["without limits"] += bool(policy.moved(unlimited, Drift().significance))
    assert all(count / RESAMPLES < 0.05 for count in wrong.values()), wrong


def mean(columns: Columns) -> None:
    columns["n0"] += 0.7


def scale(columns: Columns) -> None:
    columns["n1"] *= 2


def missing_burst(columns: Columns) -> None:
    columns["n2"][: ROWS // 8] = np.nan


def new_category(columns: Columns) -> None:
    columns["kind"][: ROWS // 20] = "never seen"


def frozen(columns: Columns) -> None:
    columns["rare"][:] = 0.0


INJECTED: Mapping[Callable[[Columns], None], tuple[str, str]] = {
    mean: ("n0", "psi"),
    scale: ("n1", "psi"),
    missing_burst: ("n2", "missing"),
    new_category: ("kind", "new_categories"),
    frozen: ("rare", "frozen"),
}


@pytest.mark.parametrize("inject", INJECTED, ids=lambda inject: inject.__name__)
def test_an_injected_drift_alerts_in_its_second_window(inject: Callable[[Columns], None]) -> None:
    before: policy.Streaks = {}
    for number in range(2):
        window = Period(START + number * WEEK, START + (number + 1) * WEEK)
        sample = population(ROWS, seed=10 + number)
        inject(sample)
        found = policy.judge("m", measured(sample, Drift()), Drift(), window, before)
        before = {each.subject: (each.windows, each.since) for each in found}
    alerts = [each for each in found if each.alert]
    assert INJECTED[inject] in {(each.name, each.statistic) for each in alerts}
    assert {each.name for each in found} == {INJECTED[inject][0]}


def population(rows: int, seed: int) -> Columns:
    """Forty features of many shapes, correlated, with nulls; a slice; and a score."""
    random = np.random.default_rng(seed)
    common = random.normal(size=rows)
    columns: Columns = {f"n{place}": common + random.normal(size=rows) for place in range(30)}
    columns |= {f"skewed{place}": np.exp(2 * random.normal(size=rows)) for place in range(4)}
    columns |= {f"count{place}": random.poisson(2, rows).astype(float) for place in range(3)}
    columns["n2"][random.random(rows) < 0.02] = np.nan
    columns["rare"] = (random.random(rows) < 0.02).astype(float)
    columns["kind"] = random.choice(np.array([*"abc"], dtype=object), rows, p=[0.7, 0.2, 0.1])
    columns["shop"] = np.array([f"s{n}" for n in random.zipf(1.6, rows) % 90], dtype=object)
    return columns


@cache
def reference() -> Reference:
    whole = population(KNOWN, seed=0)
    documents = {name: histograms.of(values) for name, values in whole.items()}
    bins = {name: Bins.of(each) for name, each in documents.items()}
    known = {name: bins[name].counts(each) for name, each in documents.items()}
    return Reference(bins, {None: known, SLICE: counted(part_of(whole), bins)})


def measured(sample: Columns, drift: Drift) -> tuple[Measurement, ...]:
    known = reference()
    parts = {None: counted(sample, known.bins), SLICE: counted(part_of(sample), known.bins)}
    return compare.measure(known, parts, "served", "answers", drift).measurements


def part_of(columns: Columns) -> Columns:
    is_inside = columns[SLICE.feature] == SLICE.value
    return {name: values[is_inside] for name, values in columns.items()}


def counted(columns: Columns, bins: Mapping[str, Bins]) -> dict[str, Counts]:
    return {name: counts(values, bins[name]) for name, values in columns.items()}


def counts(values: NDArray[Any], bins: Bins) -> Counts:
    """As the engine counts: test_counting says so."""
    if bins.is_numeric:
        present = values[~np.isnan(values)]
        inside, _ = np.histogram(present, bins.edges)
        beside = int((present < bins.edges[0]).sum()), int((present > bins.edges[-1]).sum())
        return Counts(inside, beside, len(values) - len(present))
    inside = np.array([(values == name).sum() for name in bins.categories])
    rest = len(values) - int(inside.sum())
    return Counts(np.append(inside, rest), ()) if bins.rest else Counts(inside, (rest,))
