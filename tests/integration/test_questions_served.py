"""The predict handler for what is not one id: several keys, request values, models by name."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hindcast.audit.prediction_log.parser import Batch
from tests.integration.service import FEATURES, Service, logged, serve
from tests.unit.serving import sample_release

TABLE = """
CREATE TABLE hindcast.routes (carrier TEXT, day DATE, flights BIGINT, PRIMARY KEY (carrier, day));
INSERT INTO hindcast.routes VALUES ('UA', '2013-01-02', 3), ('UA', '2013-01-03', 4);
"""
# Two views of one question, of which the second has no row for what it asks.
SQL = """
SELECT flights, CAST(%(given_0)s AS FLOAT8) AS distance, 'weather' AS _unseen,
    TIMESTAMPTZ '2013-01-01 00:00:00Z' AS features_as_of, 'run1,run2' AS materialization
FROM hindcast.routes WHERE carrier = %(key_0)s AND day = CAST(%(key_1)s AS DATE)
"""
ROUTE: dict[str, Any] = {
    "model": "delay",
    "entity": "route",
    "keys": [
        {"name": "carrier", "type": "string", "required": True},
        {"name": "day", "type": "date", "required": True},
    ],
    "request": [{"name": "distance", "type": "decimal(8,2)", "required": False}],
    "views": ["routes", "weather"],
    "sql": SQL,
    "features": [
        {"name": "flights", "type": "bigint", "request_time": False},
        {"name": "distance", "type": "decimal(8,2)", "request_time": True},
    ],
}
ASKED = {"carrier": "UA", "day": "2013-01-02", "distance": 733.25}


@pytest.fixture(scope="module")
def routes_url(module_database_url: str) -> str:
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS hindcast")
        connection.execute(TABLE)
    return module_database_url


@pytest.fixture
def routes(routes_url: str, tmp_path: Path) -> Iterator[Service]:
    with serve(routes_url, sample_release.write(tmp_path, **ROUTE)) as service:
        yield service


def test_keys_and_request_values_are_asked_by_their_names(routes: Service) -> None:
    status, answer = routes.call("POST", "/predict", ASKED)
    _, row = routes.call("GET", "/features?carrier=UA&day=2013-01-02&distance=733.25")
    by_path = routes.call("GET", "/features/UA?day=2013-01-02&distance=733.25")[1]
    assert by_path == row
    twice = routes.call("GET", "/features/UA?carrier=UA&day=2013-01-02&distance=733.25")
    assert (twice[0], twice[1]["error"]["field"]) == (400, "carrier")
    _, score = routes.call("POST", "/score", {"features": {"flights": 3, "distance": 733.25}})
    assert status == 200
    assert (answer["carrier"], answer["day"]) == ("UA", "2013-01-02")
    assert answer["probability"] == score["probability"]
    assert row["features"] == {"flights": 3, "distance": 733.25}


def test_an_answer_names_the_views_that_have_no_history(routes: Service) -> None:
    assert routes.call("POST", "/predict", ASKED)[1]["unseen"] == ["weather"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"carrier": 1}, "carrier"),
        ({"day": "2 January"}, "day"),
        ({"distance": "far"}, "distance"),
        ({"origin": "SFO"}, "origin"),
    ],
)
def test_what_is_wrong_is_named(routes: Service, changes: dict[str, Any], field: str) -> None:
    status, answer = routes.call("POST", "/predict", {**ASKED, **changes})
    assert (status, answer["error"]["field"]) == (422, field)


def test_unknown_keys_are_404_and_named(routes: Service) -> None:
    status, answer = routes.call("POST", "/predict", {**ASKED, "carrier": "ZZ"})
    message = "there is no route with carrier ZZ, day 2013-01-02"
    assert (status, answer) == (404, {"error": {"field": None, "message": message}})


def test_a_batch_of_instances_is_refused_item_by_item(routes: Service) -> None:
    instances = [ASKED, {**ASKED, "carrier": "ZZ"}, {"carrier": "UA"}, {**ASKED, "distance": None}]
    status, answer = routes.call("POST", "/predict/batch", {"instances": instances})
    first, unknown, short, blank = answer["predictions"]
    alone = routes.call("POST", "/predict", ASKED)[1]
    assert status == 200
    assert (first["carrier"], first["probability"]) == ("UA", alone["probability"])
    assert (unknown["carrier"], unknown["error"]["field"]) == ("ZZ", "instances[1]")
    assert (short["carrier"], short["error"]["field"]) == ("UA", "instances[2].day")
    assert blank["probability"] != first["probability"]


def test_the_line_has_every_key_and_request_value(
    routes: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = Batch()
    for line in logged(capsys, lambda: routes.call("POST", "/predict", ASKED)):
        batch.add("log", 1, json.dumps(line).encode())
    [row] = batch.table(datetime.now(UTC)).to_pylist()
    assert json.loads(row["id"]) == {"carrier": "UA", "day": "2013-01-02"}
    assert json.loads(row["request"]) == {"distance": "733.25"}


def test_a_model_is_asked_by_its_name(routes: Service) -> None:
    by_name = routes.call("POST", "/models/delay/predict", ASKED)
    assert by_name[0] == 200
    assert by_name[1]["probability"] == routes.call("POST", "/predict", ASKED)[1]["probability"]
    assert routes.call("POST", "/models/delay/predict/batch", {"instances": [ASKED]})[0] == 200
    values = {"features": {"flights": 3, "distance": 733.25}}
    assert routes.call("POST", "/models/delay/score", values)[0] == 200


def test_another_model_is_404_and_the_known_ones_are_named(routes: Service) -> None:
    for path in ("predict", "predict/batch", "score"):
        status, answer = routes.call("POST", f"/models/cost/{path}", ASKED)
        message = "there is no model 'cost'; known are delay"
        assert (status, answer) == (404, {"error": {"field": "model", "message": message}})


def test_a_stateless_model_scores_without_any_database(tmp_path: Path) -> None:
    features = [{**each, "request_time": True} for each in sample_release.FEATURES]
    request = [{"name": each["name"], "type": each["type"], "required": False} for each in features]
    plan = {"keys": [], "views": [], "request": request, "sql": "", "features": features}
    with serve(None, sample_release.write(tmp_path, **plan)) as service:
        status, many = service.call("POST", "/score", {"instances": [FEATURES, FEATURES]})
        assert status == 200
        assert [each["prediction"] for each in many["predictions"]] == [1, 1]
        assert service.call("GET", "/health")[1]["database"] == "none"
        status, answer = service.call("POST", "/predict", FEATURES)
        assert (status, answer["error"]["field"]) == (404, "path")
        assert "POST /score" in answer["error"]["message"]
