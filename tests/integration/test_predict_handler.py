"""The predict handler over a real Postgres and a real ONNX model."""

import json
import math
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from hindcast.errors import NotFoundError
from hindcast.serving.handler import meter
from hindcast.serving.requests import Question
from hindcast.traffic import proxy_events
from tests.integration.service import FEATURES, Service, logged, serve
from tests.unit.serving import sample_release

KNOWN = Question((5008827,))


def probability(row: dict[str, Any]) -> float:
    values = [float(row[str(f["name"])] or 0) for f in sample_release.FEATURES]
    logit = sum(w * v for w, v in zip(sample_release.WEIGHTS, values, strict=True))
    return 1 / (1 + math.exp(-logit))


@pytest.mark.parametrize("given", ["5008827", 5008827])
def test_an_id_comes_back_as_a_prediction(
    service: Service, given: object, release_dir: Path
) -> None:
    status, answer = service.call("POST", "/predict", {"id": given})
    age = service.predictor.features(KNOWN, datetime.now(UTC)).features["age"]
    assert status == 200
    assert answer["id"] == given
    assert answer["prediction"] == 1
    assert answer["probability"] == pytest.approx(probability({**FEATURES, "age": age}), abs=1e-6)
    assert answer["release"] == release_dir.name
    assert answer["features_as_of"] == "2021-09-17T00:00:00+00:00"
    assert len(answer["prediction_id"]) == 36


def test_request_time_features_are_as_of_the_instant_asked_for(service: Service) -> None:
    day_before = service.predictor.predict(KNOWN, datetime(2021, 2, 28, tzinfo=UTC))
    birthday = service.predictor.predict(KNOWN, datetime(2021, 3, 1, tzinfo=UTC))
    assert (day_before.row.features["age"], birthday.row.features["age"]) == (40, 41)
    assert birthday.row.features == FEATURES


def test_nulls_are_served_as_nulls_and_predicted_from(service: Service) -> None:
    status, answer = service.call("POST", "/predict", {"id": 5008805})
    assert (status, answer["probability"]) == (200, 0.5)
    _, row = service.call("GET", "/features/5008805")
    assert set(row["features"].values()) == {None}


def test_a_stored_value_that_the_model_cannot_take_is_refused_as_in_a_score(
    service: Service,
) -> None:
    status, row = service.call("GET", "/features/-7")
    assert (status, row["features"]["income"]) == (200, None)
    status, alone = service.call("POST", "/predict", {"id": -7})
    _, batch = service.call("POST", "/predict/batch", {"ids": [-7, 5008827]})
    _, score = service.call("POST", "/score", {"features": {**FEATURES, "income": math.nan}})
    why = "is nan, which is not a finite number"
    assert status == 422
    assert alone == score == {"error": {"field": "features.income", "message": why}}
    refused, answered = batch["predictions"]
    assert refused["error"] == {"field": "ids[0]", "message": f"features.income: {why}"}
    assert "probability" in answered


ODD_IDS = ("a%41", "x/y", "a?b=c#d", 'o\'hara "q"', "é ü", "🙂", "a+b c", "..", "{proxy+}")


def test_an_id_is_what_was_written_in_every_route(served_url: str, tmp_path: Path) -> None:
    columns = ", ".join(f"NULL AS {feature['name']}" for feature in sample_release.FEATURES)
    said = "'' AS _unseen, now() AS features_as_of, %(key_0)s::text AS materialization"
    sql = f"SELECT {columns}, {said} WHERE %(key_0)s <> ''"
    with serve(
        served_url, sample_release.write(tmp_path, sql=sql, keys=sample_release.key("string"))
    ) as service:
        for odd in ODD_IDS:
            written = quote(odd, safe="")
            found = [
                service.call("GET", f"/features/{written}"),
                service.call("GET", f"/features?id={written}"),
                service.call("POST", "/features", {"id": odd}),
            ]
            assert [(status, row["id"], row["materialization"]) for status, row in found] == [
                (200, odd, odd)
            ] * 3


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("HEAD", "/health", "GET"),
        ("OPTIONS", "/features", "GET, POST"),
        ("PUT", "/features/5008827", "GET"),
        ("GET", "/predict", "POST"),
        ("BREW", "/models/credit_risk/score", "POST"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    service: Service, method: str, path: str, allowed: str
) -> None:
    answer = service.invoke(method, path)
    assert answer["statusCode"] == 405
    assert answer["multiValueHeaders"]["Allow"] == [allowed]


@pytest.mark.parametrize(
    "event",
    [
        {"version": "2.0", "rawPath": "/predict", "requestContext": {"http": {"method": "POST"}}},
        {"id": 5008827},
    ],
    ids=["payload version 2", "a bare question"],
)
def test_what_is_no_event_of_a_rest_api_is_told_what_is(
    service: Service, event: dict[str, Any]
) -> None:
    answer = service.handler(event, proxy_events.Context())
    assert answer["statusCode"] == 400
    assert "payload version 1.0" in json.loads(answer["body"])["error"]["message"]


def test_unknown_ids_are_404(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    status, answer = service.call("POST", "/predict", {"id": 99})
    assert status == 404
    assert answer == {"error": {"field": "id", "message": "there is no customer with id 99"}}
    assert service.call("GET", "/features/99")[0] == 404
    with pytest.raises(NotFoundError):
        service.predictor.predict(Question((99,)), datetime.now(UTC))


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 400, "body"),
        (b"", 400, "body"),
        (b"\xff", 400, "body"),
        (b"[" * 100_000, 400, "body"),
        (b'{"id": ' + b"1" * 5000 + b"}", 400, "body"),
        (b"[1]", 422, "body"),
        (b"{}", 422, "id"),
        (b'{"id": true}', 422, "id"),
        (b'{"id": null}', 422, "id"),
        (b'{"id": 1.0}', 422, "id"),
        (b'{"id": NaN}', 422, "id"),
        (b'{"id": "1; DROP TABLE x"}', 422, "id"),
        (b'{"id": "9223372036854775808"}', 422, "id"),
        (b'{"id": 1, "x": 2}', 422, "x"),
        (b'{"id": "' + b"1" * 1024 * 1024 + b'"}', 413, "body"),
    ],
)
def test_bad_predict_requests_are_told_which_field(
    service: Service, body: bytes, status: int, field: str
) -> None:
    got, answer = service.call("POST", "/predict", body)
    assert (got, answer["error"]["field"]) == (status, field)


def test_a_batch_keeps_the_order_and_refuses_id_by_id(service: Service) -> None:
    ids = ["5008804", 99, True, 5008827, 2**63, 5008804]
    status, answer = service.call("POST", "/predict/batch", {"ids": ids})
    predictions = answer["predictions"]
    assert status == 200
    assert [p["id"] for p in predictions] == ["5008804", 99, None, 5008827, 2**63, 5008804]
    assert [p.get("error", {}).get("field") for p in predictions] == [
        None,
        "ids[1]",
        "ids[2]",
        None,
        "ids[4]",
        None,
    ]
    single = service.call("POST", "/predict", {"id": 5008827})[1]
    assert predictions[3]["probability"] == single["probability"]


def test_a_batch_is_bounded(service: Service) -> None:
    assert service.call("POST", "/predict/batch", {"ids": [5008827] * 1000})[0] == 200
    assert service.call("POST", "/predict/batch", {"ids": [5008827] * 1001})[0] == 413
    assert service.call("POST", "/predict/batch", {"ids": "5008827"})[0] == 422
    assert service.call("POST", "/predict/batch", {"ids": []}) == (200, {"predictions": []})


def test_features_are_shown_with_their_origin(service: Service, release_dir: Path) -> None:
    status, row = service.call("GET", "/features/5008827")
    assert status == 200
    assert list(row["features"]) == [f["name"] for f in sample_release.FEATURES]
    assert row["id"] == "5008827"
    assert row["materialization"] == "run1"
    assert row["release"] == release_dir.name


def test_values_given_by_the_caller_score_as_the_stored_ones_do(service: Service) -> None:
    stored = service.predictor.predict(KNOWN, datetime(2021, 9, 17, tzinfo=UTC))
    status, one = service.call("POST", "/score", {"features": FEATURES})
    _, many = service.call("POST", "/score", {"instances": [FEATURES, dict.fromkeys(FEATURES)]})
    assert status == 200
    assert stored.score.document.items() <= one.items()
    assert one["probability"] == many["predictions"][0]["probability"]
    assert many["predictions"][1]["probability"] == 0.5


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "features"),
        ({"features": FEATURES, "instances": []}, 422, "features"),
        ({"features": [1]}, 422, "features"),
        ({"features": {"income": 1}}, 422, "features.nb_previous_loans"),
        ({"features": {**FEATURES, "x": 1}}, 422, "features.x"),
        ({"features": {**FEATURES, "income": math.nan}}, 422, "features.income"),
        ({"features": {**FEATURES, "income": math.inf}}, 422, "features.income"),
        ({"features": {**FEATURES, "income": 10**400}}, 422, "features.income"),
        ({"features": {**FEATURES, "age": True}}, 422, "features.age"),
        ({"features": {**FEATURES, "flag_own_car": 1}}, 422, "features.flag_own_car"),
        ({"instances": [FEATURES, {**FEATURES, "age": "41"}]}, 422, "instances[1].age"),
        ({"instances": [FEATURES] * 1001}, 413, "instances"),
    ],
)
def test_bad_scores_are_told_which_field(
    service: Service, body: Any, status: int, field: str
) -> None:
    got, answer = service.call("POST", "/score", body)
    assert (got, answer["error"]["field"]) == (status, field)


def test_no_such_route(service: Service) -> None:
    assert service.call("GET", "/predict/5008827")[0] == 404
    assert service.call("POST", "/")[1]["error"]["field"] == "path"


def test_each_prediction_is_one_log_line_that_allows_recomputing_it(
    service: Service, capsys: pytest.CaptureFixture[str], release_dir: Path
) -> None:
    lines = logged(capsys, lambda: service.call("POST", "/predict", {"id": "5008827"}))
    [line] = [line for line in lines if line.get("message") == "prediction"]
    assert line["id"] == 5008827
    assert line["release"] == release_dir.name
    assert line["outcome"] == "predicted"
    assert list(line["features"]) == list(FEATURES)
    assert datetime.fromisoformat(line["instant"]).tzinfo is not None
    again = service.predictor.score(list(line["features"].values()))
    assert again.document["probability"] == line["probability"]


def test_metrics_count_predictions_errors_and_time(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    meter.write()

    def traffic() -> None:
        service.call("POST", "/predict", {"id": "5008827"})
        service.call("POST", "/predict", {"id": 99})
        service.call("POST", "/predict/batch", {"ids": [5008827, 99, "x"]})

    found = [line for line in logged(capsys, traffic) if "_aws" in line]
    counted = Counter[str]()
    for line in found:
        for name in ("Predictions", "UnknownIdErrors", "BatchItemErrors", "LoggedLines", "Errors"):
            counted[name] += sum(line.get(name, []))
    assert counted == {
        "Predictions": 2,
        "UnknownIdErrors": 2,
        "BatchItemErrors": 1,
        "LoggedLines": 5,
        "Errors": 3,
    }
    assert all(ms > 0 for line in found for ms in line["Latency"])
