"""The examples, each from its files to an answer by the commands of its README."""

import json
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
