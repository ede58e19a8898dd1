"""Several models behind one address: each path is answered by the model that it names."""

import json
from typing import Any

import pytest

from hindcast.serving import release as releases
from hindcast.serving.handler import Handler, make_handler
from hindcast.serving.predictor import Predictor
from hindcast.traffic import proxy_events
from hindcast.traffic.models import Models
from tests.unit.serving import sample_release

ROW = {"features": {"nb_previous_loans": 3, "income": 1.0, "flag_own_car": True, "age": 41}}
TASKS: dict[str, dict[str, Any]] = {
    "risk": {},
    "delay": sample_release.REGRESSION,
    "status": sample_release.MULTICLASS,
}


@pytest.fixture(scope="module")
def handlers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Handler]:
    """A stateless model of each task, so that no database is needed."""
    root = tmp_path_factory.mktemp("releases")
    stateless = {"keys": [], "views": [], "sql": ""}
    folders = {
        name: sample_release.write(root, model=name, **stateless, **task)
        for name, task in TASKS.items()
    }
    return {
        name: make_handler(Predictor(releases.load(folder), None))
        for name, folder in folders.items()
    }


def call(handler: Models, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    content = b"" if body is None else json.dumps(body).encode()
    event = proxy_events.proxy_event(method, path, [], content, "127.0.0.1")
    answer = handler(event, proxy_events.Context())
    assert answer["multiValueHeaders"]["Content-Type"] == ["application/json"]
    return answer["statusCode"], json.loads(answer["body"])


def test_each_model_answers_below_its_name(handlers: dict[str, Handler]) -> None:
    served = Models(handlers, None)
    found = {name: call(served, "POST", f"/models/{name}/score", ROW)[1] for name in TASKS}
    common = {"prediction", "release", "prediction_id"}
    assert {name: set(answer) - common for name, answer in found.items()} == {
        "risk": {"probability"},
        "delay": {"interval"},
        "status": {"probabilities"},
    }
    assert [answer["release"].rpartition("-")[0] for answer in found.values()] == list(TASKS)


def test_short_paths_are_the_default_models(handlers: dict[str, Handler]) -> None:
    served = Models(handlers, "delay")
    status, answer = call(served, "POST", "/score", ROW)
    assert (status, answer["release"].rpartition("-")[0]) == (200, "delay")
    assert call(served, "GET", "/health")[1]["release"] == answer["release"]


def test_without_a_default_short_paths_name_the_models(handlers: dict[str, Handler]) -> None:
    status, answer = call(Models(handlers, None), "POST", "/score", ROW)
    message = "names no model; use /models/ and one of risk, delay, status"
    assert (status, answer) == (404, {"error": {"field": "path", "message": message}})


def test_an_unknown_model_is_404_and_names_the_models(handlers: dict[str, Handler]) -> None:
    for default in (None, "risk"):
        status, answer = call(Models(handlers, default), "POST", "/models/r%69sks/score", ROW)
        message = "there is no model 'risks'; known are risk, delay, status"
        assert (status, answer) == (404, {"error": {"field": "model", "message": message}})


def test_health_tells_of_every_model_and_is_as_bad_as_the_worst(
    handlers: dict[str, Handler],
) -> None:
    status, answer = call(Models(handlers, None), "GET", "/health")
    assert (status, answer["status"], list(answer["models"])) == (200, "ok", list(TASKS))
    status, answer = call(Models({**handlers, "new": make_handler(None)}, None), "GET", "/health")
    assert (status, answer["status"]) == (503, "down")
    assert answer["models"]["risk"]["status"] == "ok"
