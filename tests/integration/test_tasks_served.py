"""The predict handler and the prediction log, for models of every task."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hindcast.audit.prediction_log.parser import Batch
from tests.integration.service import FEATURES, Service, logged, serve
from tests.unit.serving import sample_release

TASKS: dict[str, dict[str, Any]] = {
    "multiclass": sample_release.MULTICLASS,
    "regression": sample_release.REGRESSION,
}
SCORE = {"multiclass": ("prediction", "probabilities"), "regression": ("prediction", "interval")}


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def served(served_url: str, tmp_path: Path, task: str) -> Iterator[Service]:
    with serve(served_url, sample_release.write(tmp_path, **TASKS[task])) as service:
        yield service


def test_an_id_and_the_same_values_get_the_same_answer(served: Service, task: str) -> None:
    status, one = served.call("POST", "/predict", {"id": "5008827"})
    _, batch = served.call("POST", "/predict/batch", {"ids": [5008827, 99]})
    _, row = served.call("GET", "/features/5008827")
    _, score = served.call("POST", "/score", {"features": row["features"]})
    assert status == 200
    assert list(one) == ["id", *SCORE[task], "release", "features_as_of", "prediction_id"]
    assert list(score) == [*SCORE[task], "release", "prediction_id"]
    for name in SCORE[task]:
        assert one[name] == batch["predictions"][0][name] == score[name]
    assert batch["predictions"][1]["error"]["field"] == "ids[1]"


def test_the_answer_is_logged_and_collected_whole(
    served: Service, task: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answers: list[dict[str, Any]] = []

    def ask() -> None:
        answers.append(served.call("POST", "/predict", {"id": 5008827})[1])
        answers.append(served.call("POST", "/score", {"features": FEATURES})[1])

    batch = Batch()
    for number, line in enumerate(logged(capsys, ask)):
        batch.add("log", number, json.dumps(line).encode())
    rows = batch.table(datetime.now(UTC)).to_pylist()
    assert not batch.bad
    assert [json.loads(row["answer"]) for row in rows] == [
        {name: answer[name] for name in SCORE[task]} for answer in answers
    ]
    assert {(row["prediction"], row["probability"]) for row in rows} == {(None, None)}
