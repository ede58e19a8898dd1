"""How long a release takes to score one row, in this process."""

import time
from pathlib import Path

import numpy as np

from hindcast.serving import release as releases
from hindcast.serving.plan import ServingPlan
from hindcast.serving.scorer import Scorer
from hindcast.serving.values import Value

WARM_UP = 100
CALLS = 2_000


def p99_ms(folder: Path) -> float:
    """The 99th percentile of scoring one row, in milliseconds, once warm."""
    release = releases.load(folder)
    scorer, row = Scorer(release), _row(release.plan)
    taken = np.empty(CALLS)
    for _ in range(WARM_UP):
        scorer.score(row)
    for call in range(CALLS):
        started = time.perf_counter()
        scorer.score(row)
        taken[call] = time.perf_counter() - started
    return float(np.percentile(taken, 99) * 1000)


def _row(plan: ServingPlan) -> tuple[Value, ...]:
    return tuple(
        [1.0] * feature.size or ("" if feature.kind == "string" else 1.0)
        for feature in plan.features
    )
