"""A multiclass model and a regression, from a file to an answer, by the commands alone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hindcast.settings import Settings
from tests.integration.lifecycle import Shell

DEFINITIONS = """
from datetime import date
from hindcast.definitions import *

truck = Entity("truck", key="truck")
trips = Source("trips", truck, "left_at", "trip", label="LABEL", schema={
    "truck": "bigint", "left_at": "timestamp", "trip": "bigint", "miles": "double",
    "road": "string", "minutes": "double", "outcome": "string"})
habits = FeatureView("habits", trips, [
    Feature("miles", "miles", over=latest()), Feature("road", "road", over=latest()),
    Feature("trips", "count(*)", over=prior())])

def build(seed):
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingKIND
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = [("road", encode, ["road"]), ("miles", "passthrough", ["miles"])]
    trees = GradientBoostingKIND(n_estimators=30, max_depth=2, random_state=seed)
    return make_pipeline(ColumnTransformer(columns), trees)

model = Model("TASK", habits[...], "trips.LABEL", days(1), build, task="TASK", seed=1,
    split=Split(0.3, start=date(2021, 7, 1)), slices=["road"],
    gate=Gate(latency_ms=1000, BOUNDS))
"""
TASKS = {
    "multiclass": {"LABEL": "outcome", "KIND": "Classifier", "BOUNDS": "minimum={'macro_f1': 0.4}"},
    "regression": {"LABEL": "minutes", "KIND": "Regressor", "BOUNDS": "slice_maximum={'mae': 30}"},
}
PLACES = ["--as-of", "2022-03-01"]


def trips(trucks: int = 120) -> Iterator[str]:
    """Two trips a month; a truck goes as far as the last time, and slowly on its own road.

    The longest trips are driven on motorways, as fast as the shortest, which a line cannot see.
    """
    random = np.random.default_rng(5)
    yield "truck,left_at,trip,miles,road,minutes,outcome"
    for truck in range(trucks):
        miles, road = random.uniform(20, 200), random.choice(["city", "hills", "plain"])
        for trip in range(24):
            left = datetime(2021, 1, 1, tzinfo=UTC) + timedelta(days=15 * trip, hours=truck % 24)
            slow = {"city": 2.0, "hills": 1.5, "plain": 1.0}[road]
            minutes = slow * min(miles, 220 - miles) + random.normal(0, 8)
            outcome = "late" if minutes > 120 else "early" if minutes < 60 else "on time"
            yield f"{truck},{left.isoformat()},{trip},{miles:.2f},{road},{minutes:.2f},{outcome}"


@pytest.fixture(params=sorted(TASKS))
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def shell(
    task: str,
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    """A home with the trips, and a project of one model."""
    text = DEFINITIONS.replace("TASK", task)
    for name, value in TASKS[task].items():
        text = text.replace(name, value)
    (tmp_path / "definitions.py").write_text(text)
    (tmp_path / "trips.csv").write_text("\n".join(trips()))
    settings = Settings(
        home=tmp_path,
        lake=str(tmp_path / "lake"),
        releases=str(tmp_path / "releases"),
        project=tmp_path,
        database_url=database_url,
    )
    shell = Shell(monkeypatch, capsys, settings)
    shell.json("ingest", str(tmp_path / "trips.csv"))
    shell.json("materialize", *PLACES)
    return shell


def answer(task: str, document: dict[str, Any]) -> None:
    if task == "regression":
        low, high = document["interval"]
        assert low < document["prediction"] < high
    else:
        chances = document["probabilities"]
        assert set(chances) == {"early", "late", "on time"}
        assert sum(chances.values()) == pytest.approx(1, abs=1e-6)
        assert document["prediction"] == max(chances, key=chances.__getitem__)


def redefined(shell: Shell, before: str, after: str) -> None:
    path = shell.settings.home / "definitions.py"
    path.write_text(path.read_text().replace(before, after))


def checks(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in document["checks"]}


def test_a_model_is_trained_judged_promoted_and_answers(task: str, shell: Shell) -> None:
    metric = {"multiclass": "log_loss", "regression": "mae"}[task]
    first = shell.json("train", *PLACES)
    assert first["gate"] == "passed"
    found = checks(first)
    assert found["as good as the simple baseline"]["found"].startswith(f"{metric} -")
    assert found["better than chance"]["passed"]
    if task == "regression":
        assert found["mae where road is city"]["passed"]
        assert first["interval"]["coverage"] == 0.9
        assert first["coverage"] == pytest.approx(0.9, abs=0.12)
    answer(task, shell.json("predict", "7"))

    redefined(shell, "n_estimators=30", "n_estimators=40")
    second = shell.json("train", *PLACES, "--from", "2021-01-05", "--until", "2021-12-05")
    assert second["left_out"]["outside the training range"] > 0
    judged = shell.json("evaluate", second["release"])
    against = checks(judged)["no significant loss against the champion"]
    assert against["found"].startswith(metric)
    assert against["found"].endswith(f"against {first['release']}")
    assert judged["holdout_rows"] == second["holdout_rows"]
    shell.json("promote", second["release"])
    answer(task, shell.json("predict", "7"))
    again = shell.json("train", "--like", second["release"])
    assert again["same"], again["differences"]

    redefined(shell, "n_estimators=40", "n_estimators=1")
    worse = shell.json("train", *PLACES)
    refused = checks(shell.json("evaluate", worse["release"], code=1))
    assert refused["no significant loss against the champion"]["passed"] is False
    listed = shell.json("releases")
    states = ["refused by its gate", "champion", "was champion"]
    assert [release["state"] for release in listed] == states
    assert listed[0]["worth"].startswith(f"{metric} ")
