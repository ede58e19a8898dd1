"""Meters that are read twelve times each: a small project, of which a release is in production."""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tests.integration import hindsight
from tests.integration.hindsight import Home

START, AS_OF = date(2024, 1, 1), "2024-05-01"
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
METERS = tuple(range(1, 41))
HEADER = "reading,id,at,used,failed"

DEFINITIONS = """
from hindcast.definitions import *

meter = Entity("meter", key="id")
readings = Source(
    "readings", entity=meter, event_timestamp="at", tiebreaker="reading", label="failed",
    schema={
        "reading": "bigint", "id": "bigint", "at": "date", "used": "bigint", "failed": "bigint",
    },
)
use = FeatureView("use", readings, [
    Feature("times", "count(*)", over=prior()),
    Feature("total", "sum(used)", over=prior()),
    Feature("used", "used", over=latest()),
])


def build(seed):
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = LogisticRegression(random_state=seed)
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), regression)


failing = Model(
    "failing", use[...], label="readings.failed", label_matures=days(1), estimator=build,
    gate=Gate(latency_ms=1_000),
)
"""


def settle(folder: Path, database_url: str) -> Home:
    """Ingest, materialize, train, promote, and answer about every meter."""
    home = Home(folder, database_url)
    home.definitions.parent.mkdir()
    home.definitions.write_text(DEFINITIONS)
    numbers = random.Random(1)
    add(home, *(_reading(numbers, number) for number in range(12 * len(METERS))))
    home.materialize(AS_OF, NOW)
    home.promote(home.train(AS_OF, now=NOW))
    home.answer(*METERS)
    return home


def add(home: Home, *lines: str, header: str = HEADER) -> None:
    """Ingest readings, every one of them accepted."""
    path = home.folder / "readings.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    report = hindsight.ingest(home.application, path, NOW)
    assert (report.accepted, report.quarantined) == (len(lines), 0), report.reasons


def _reading(numbers: random.Random, number: int) -> str:
    meter, week = METERS[number % len(METERS)], number // len(METERS)
    used = meter + numbers.randrange(20)
    failed = int(numbers.random() < used / 80)
    return f"{number},{meter},{START + timedelta(weeks=week)},{used},{failed}"
