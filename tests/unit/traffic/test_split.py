"""Two releases behind one address: who answers, what is counted, and settings that change."""

import io
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from hindcast.errors import HindcastError, InputError, ReleaseError
from hindcast.serving import release as releases
from hindcast.serving.handler import logger, meter
from hindcast.serving.predictor import Predictor
from hindcast.serving.store import Database, OnlineReader
from hindcast.traffic import proxy_events
from hindcast.traffic.split import TrafficSplit
from hindcast.traffic.stage import Stage
from tests.unit.serving import sample_release

FEATURES = {"nb_previous_loans": 3, "income": 1.0, "flag_own_car": True, "age": 41}


@dataclass
class FakeStage:
    """A stage whose next change, or failure to read it, a test sets."""

    first: Stage
    next: Stage | HindcastError | None = None

    def read(self) -> Stage:
        return self.first

    def changes(self) -> Callable[[], Stage | None]:
        def new() -> Stage | None:
            given, self.next = self.next, None
            if isinstance(given, HindcastError):
                raise given
            return given

        return new


@dataclass
class Folder:
    """Two releases that answer from the caller's values, so that no database is needed."""

    root: Path
    stable: str = field(init=False)
    canary: str = field(init=False)

    def __post_init__(self) -> None:
        self.stable = sample_release.write(self.root).name
        self.canary = sample_release.write(self.root, threshold=0.9).name

    def open(self, release: str) -> Predictor:
        found = releases.load(self.root / release)
        return Predictor(
            found, OnlineReader(Database("postgresql://nobody@/nowhere"), found.plan.sql)
        )

    def at(self, percent: float | None) -> Stage:
        """The stage with the canary at that share, or without it."""
        if percent is None:
            return Stage(self.stable)
        return Stage(self.stable, self.canary, percent)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture(autouse=True)
def counted() -> Iterator[None]:
    """Powertools keeps one set of metrics for all of a process: leave none behind."""
    yield
    meter.write()


@pytest.fixture
def log() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines that the service has logged."""
    stream, handler = io.StringIO(), cast("Any", logger.logger_handler)
    before = handler.setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    handler.setStream(before)


def ask(split: TrafficSplit, path: str = "/score", body: Any = None) -> tuple[int, dict[str, Any]]:
    content = json.dumps(body or {"features": FEATURES}).encode()
    event = proxy_events.proxy_event("POST", path, [("Host", "test")], content, "127.0.0.1")
    answer = split(event, proxy_events.Context())
    return answer["statusCode"], json.loads(answer["body"])


def answered(split: TrafficSplit, count: int) -> Counter[str]:
    """How many of the same request each release answered."""
    return Counter(ask(split)[1]["release"] for _ in range(count))


def test_the_same_request_goes_to_either_release_by_percent(folder: Folder) -> None:
    split = TrafficSplit(FakeStage(folder.at(25)), folder.open, draw=random.Random(1).random)
    found = answered(split, 400)
    assert found.keys() == {folder.stable, folder.canary}
    assert abs(found[folder.canary] - 100) < 4 * (400 * 0.25 * 0.75) ** 0.5


def test_settings_that_change_are_followed_by_the_next_request(folder: Folder) -> None:
    stage = FakeStage(folder.at(0))
    split = TrafficSplit(stage, folder.open)
    assert answered(split, 5) == {folder.stable: 5}
    stage.next = folder.at(100)
    assert answered(split, 5) == {folder.canary: 5}
    stage.next = Stage(folder.canary)
    assert answered(split, 5) == {folder.canary: 5}
    stage.next = folder.at(None)
    assert answered(split, 5) == {folder.stable: 5}


def test_a_release_is_opened_once_for_as_long_as_it_is_named(folder: Folder) -> None:
    opened: list[str] = []

    def count(release: str) -> Predictor:
        opened.append(release)
        return folder.open(release)

    stage = FakeStage(folder.at(5))
    split = TrafficSplit(stage, count)
    for percent in (25, 50, None, 5):
        stage.next = folder.at(percent)
        ask(split)
    assert opened == [folder.stable, folder.canary, folder.canary]


@pytest.mark.parametrize("failure", [InputError("not JSON"), HindcastError("AWS is away")])
def test_settings_that_cannot_be_read_leave_the_service_as_it_was(
    folder: Folder, log: Callable[[], list[dict[str, Any]]], failure: HindcastError
) -> None:
    stage = FakeStage(folder.at(100))
    split = TrafficSplit(stage, folder.open)
    stage.next = failure
    assert answered(split, 2) == {folder.canary: 2}
    [line] = [line for line in log() if line["level"] == "ERROR"]
    assert (line["message"], line["reason"]) == ("the stage is served as before", str(failure))


def test_a_canary_that_does_not_verify_is_refused_at_the_start_and_later(
    folder: Folder, log: Callable[[], list[dict[str, Any]]]
) -> None:
    (folder.root / folder.canary / "model.onnx").write_bytes(b"changed")
    with pytest.raises(ReleaseError, match=r"model\.onnx has changed"):
        TrafficSplit(FakeStage(folder.at(5)), folder.open)
    stage = FakeStage(folder.at(None))
    split = TrafficSplit(stage, folder.open)
    stage.next = folder.at(100)
    assert answered(split, 3) == {folder.stable: 3}
    assert "model.onnx has changed" in log()[0]["reason"]


def test_metrics_are_counted_for_each_release_and_add_up(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    split = TrafficSplit(FakeStage(folder.at(50)), folder.open, draw=random.Random(2).random)
    meter.write()
    capsys.readouterr()
    answers = answered(split, 60)
    refused = [ask(split, body={"features": {}})[0] for _ in range(20)]
    meter.write()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    found: dict[str, Counter[str]] = {folder.stable: Counter(), folder.canary: Counter()}
    for line in lines:
        assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [
            ["service"],
            ["model"],
            ["service", "release"],
        ]
        for name in ("Predictions", "Errors"):
            found[line["release"]][name] += int(sum(line.get(name, [])))
        found[line["release"]]["requests"] += len(line["Latency"])
    assert {name: counts["Predictions"] for name, counts in found.items()} == answers
    assert refused == [422] * 20
    assert sum(counts["Errors"] for counts in found.values()) == 20
    assert all(counts["Errors"] for counts in found.values())
    assert sum(counts["requests"] for counts in found.values()) == 80


def test_the_access_log_has_a_line_for_each_request_while_there_is_a_canary(
    folder: Folder, tmp_path: Path
) -> None:
    file, stage = tmp_path / "access.log", FakeStage(folder.at(None))
    split = TrafficSplit(stage, folder.open, file, random.Random(3).random)
    ask(split)
    assert not file.exists()
    stage.next = folder.at(50)
    answers = answered(split, 40)
    ask(split, body={"features": {}})
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert Counter(line["release"] for line in lines[:40]) == answers
    assert [line["status"] for line in lines] == [200] * 40 + [422]
    assert all(line["canary"] == (line["release"] == folder.canary) for line in lines)
    assert all(line["latency"] > 0 for line in lines)
    stage.next = folder.at(None)
    ask(split)
    assert len(file.read_text().splitlines()) == 41


def test_a_canary_whose_roll_out_died_answers_nothing_once_its_time_is_over(
    folder: Folder, tmp_path: Path
) -> None:
    """Nobody ends it: the same stage says so from that instant on, and no longer where put off."""
    until, file = datetime(2026, 1, 1, tzinfo=UTC), tmp_path / "access.log"
    now, stage = [until - timedelta(seconds=1)], FakeStage(replace(folder.at(100), until=until))
    split = TrafficSplit(stage, folder.open, file, clock=lambda: now[0])
    assert answered(split, 3) == {folder.canary: 3}
    now[0] = until
    assert answered(split, 3) == {folder.stable: 3}
    assert len(file.read_text().splitlines()) == 3
    stage.next = replace(folder.at(100), until=until + timedelta(seconds=1))
    assert answered(split, 3) == {folder.canary: 3}


def test_an_access_log_that_cannot_be_written_fails_no_request(
    folder: Folder, tmp_path: Path, log: Callable[[], list[dict[str, Any]]]
) -> None:
    split = TrafficSplit(FakeStage(folder.at(100)), folder.open, tmp_path)
    assert ask(split)[0] == 200
    assert log()[-1]["message"] == "the access log cannot be written"
