"""Features that are too old: the declared answer, marked as such, or none; and its replay."""

import json
from pathlib import Path
from typing import Any

import pytest

from hindcast.audit.replay.replay import replay
from tests.integration.hindsight import ANN, AS_OF, Home
from tests.integration.service import logged, serve
from tests.unit.serving import sample_release

TWO_DAYS = 48 * 3600
CENTURY = 100 * 365 * 24 * 3600


def freshness(limit: float, fallback: object) -> dict[str, Any]:
    return {"freshness": {"limit_seconds": limit, "fallback": fallback}}


def test_past_the_limit_the_declared_answer_is_given_and_marked(
    served_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = sample_release.write(tmp_path, **freshness(TWO_DAYS, 1))
    with serve(served_url, release) as service:
        answers: list[Any] = []
        asked = ("POST", "/predict/batch", {"ids": [5008827, 1]})
        lines = logged(capsys, lambda: answers.append(service.call(*asked)))
    status, answer = answers[0]
    first, unknown = answer["predictions"]
    assert status == 200
    assert (first["prediction"], first["fallback"]) == (1, True)
    assert first["features_as_of"].startswith("2021-09-17")
    assert "probability" not in first
    assert unknown["error"]["message"] == "there is no customer with id 1"
    found = next(line for line in lines if line.get("prediction_id") == first["prediction_id"])
    assert (found["outcome"], found["prediction"]) == ("fallback", 1)
    assert '"Fallbacks": [1' in json.dumps(lines)


def test_without_a_declared_answer_the_service_is_unavailable(
    served_url: str, tmp_path: Path
) -> None:
    with serve(served_url, sample_release.write(tmp_path, **freshness(TWO_DAYS, None))) as service:
        status, answer = service.call("POST", "/predict", {"id": 5008827})
        assert status == 503
        assert answer["error"]["message"].endswith("answers by none older than 48 hours")
        assert service.call("GET", "/features/5008827")[0] == 200
        assert service.call("POST", "/predict", {"id": 1})[0] == 404


def test_of_several_views_the_refusal_names_the_oldest(served_url: str, tmp_path: Path) -> None:
    by_view = "ARRAY[features_as_of + INTERVAL '1 day', features_as_of] AS features_as_of_by_view"
    several = {
        "views": ["support", "spending"],
        "sql": sample_release.SQL.replace("features_as_of, ", f"features_as_of, {by_view}, "),
    }
    release = sample_release.write(tmp_path, **several, **freshness(TWO_DAYS, None))
    with serve(served_url, release) as service:
        status, answer = service.call("POST", "/predict", {"id": 5008827})
    assert status == 503
    told = "the features of view 'spending' are as of 2021-09-17T00:00:00+00:00"
    assert answer["error"]["message"].startswith(told)


def test_within_the_limit_the_model_answers(served_url: str, tmp_path: Path) -> None:
    with serve(served_url, sample_release.write(tmp_path, **freshness(CENTURY, 1))) as service:
        status, answer = service.call("POST", "/predict", {"id": 5008827})
    assert status == 200
    assert "fallback" not in answer


def test_a_declared_answer_is_replayed_by_what_the_release_declares(home: Home) -> None:
    within = home.redefine(
        ("gate=Gate(latency_ms=1_000))", "gate=Gate(latency_ms=1_000), freshness=STALE)"),
        ("import Gate\n", "import Freshness, Gate, hours\n\nSTALE = Freshness(hours(48), 0)\n"),
    )
    release = within.train(AS_OF)
    (line,) = within.answer(ANN, release=release)
    assert (line["outcome"], line["prediction"]) == ("fallback", 0)
    found = replay(within.application, line["prediction_id"])
    assert found.matches
    assert [value.name for value in found.values] == ["features too old", "prediction"]
