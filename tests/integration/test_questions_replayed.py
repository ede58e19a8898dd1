"""Answers over several views and request values, by models of each task: as asked and again."""

import json
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import numpy as np
import pytest

from hindcast.audit import prediction_log
from hindcast.audit.replay.replay import replay, skew
from hindcast.client import Client
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.models import promote
from hindcast.operations import known_questions
from hindcast.operations.drift import counting, populations, reference
from hindcast.operations.drift.findings import Period
from hindcast.releases import contents
from hindcast.traffic import local
from tests.integration import hindsight, shops
from tests.integration.hindsight import Home
from tests.integration.service import serve
from tests.integration.test_client import served

SEEN = {"cid": "c-2", "country": "DE", "shop_no": 1, "amount": "12.34"}
ASKED = [
    SEEN,
    {**SEEN, "cid": "c-3", "amount": 7},  # Without a ticket.
    {**SEEN, "shop_no": None, "country": None},  # Of no shop.
    {**SEEN, "amount": None},
    {"cid": "c-0 ' %", "country": "XX", "shop_no": 99, "amount": 1.5},  # Of nothing known.
]


@pytest.fixture(scope="module")
def shop_home(postgres_server: str, with_tables: str) -> Iterator[Home]:
    with (
        tempfile.TemporaryDirectory(prefix="hindcast-home-") as folder,
        hindsight.database(postgres_server, "shops", with_tables) as url,
    ):
        yield shops.settle(Path(folder), url)


@pytest.mark.parametrize("model", shops.MODELS)
def test_every_answer_is_recomputed_bit_for_bit(shop_home: Home, model: str) -> None:
    release = shops.trained(shop_home, model)
    lines = shop_home.ask("/predict/batch", {"instances": ASKED}, release)
    lines += shop_home.ask("/score", {"features": lines[0]["features"]}, release)
    shop_home.collect(*lines)
    assert [line["outcome"] for line in lines] == ["predicted"] * len(ASKED) + ["scored"]
    assert len({line["materialization"] for line in lines[:-1]}) == 1
    kept = prediction_log.find(shop_home.application.lake, lines[0]["prediction_id"])
    assert json.loads(kept["features_as_of_by_view"]) == lines[0]["features_as_of_by_view"]
    assert len(lines[0]["features"]["topics"]) == 3
    for line in lines:
        found = replay(shop_home.application, line["prediction_id"])
        assert [value for value in found.values if value.outcome != "match"] == []
    report = skew(shop_home.application, 100, None, model)
    assert (report.predictions, report.matching, report.impossible) == (6, 6, {})


@pytest.mark.parametrize("days", [0, 30], ids=["logged", "made of what is online"])
def test_what_is_known_can_be_asked(shop_home: Home, days: int) -> None:
    release = shops.trained(shop_home, "risk")
    shop_home.collect(*shop_home.ask("/predict", SEEN, release))
    at = datetime.now(UTC) + timedelta(days=days)
    found = known_questions.find(shop_home.application, "risk", release, at)
    bodies = [json.loads(body) for body in found.bodies]
    assert all(body.keys() == SEEN.keys() for body in bodies)
    assert (SEEN["amount"] in [body["amount"] for body in bodies]) == (days == 0)
    [*lines] = shop_home.ask("/predict/batch", {"instances": bodies}, release)
    assert {line["outcome"] for line in lines} == {"predicted"}


@pytest.mark.parametrize("model", shops.MODELS)
def test_drift_counts_what_was_asked_and_answered(shop_home: Home, model: str) -> None:
    release = contents.read(shop_home.application.release_folder(shops.trained(shop_home, model)))
    lines = shop_home.ask("/predict/batch", {"instances": ASKED}, release.id)
    shop_home.collect(*lines)
    asked = datetime.fromisoformat(lines[0]["instant"])
    window = Period(asked, asked + timedelta(microseconds=1))

    rows = populations.served(release, shop_home.application.lake, window)
    known = reference.of_release(release)
    assert rows.table is not None
    counted = counting.count(DuckDBEngine(), rows.table, rows.rows, known)[None]

    assert set(counted) == set(known.bins)
    for name, values in columns(lines, release.plan.rule.task).items():
        bins, present = known.bins[name], [value for value in values if value is not None]
        found = counted[name]
        assert (found.rows, found.nulls) == (len(lines), len(lines) - len(present)), name
        if bins.is_numeric:
            assert found.bins.tolist() == np.histogram(present, bins.edges)[0].tolist(), name
        else:
            assert found.bins.tolist() == [present.count(each) for each in bins.categories]


def columns(lines: list[dict[str, Any]], task: str) -> dict[str, list[Any]]:
    """What each line has in each column of a model, and as the score that drift counts."""
    found: dict[str, list[Any]] = {}
    for line in lines:
        features = dict(line["features"])
        topics = features.pop("topics") or [None] * 3
        score = line["probability" if task == "binary" else "prediction"]
        each = features | {f"topics_{place}": value for place, value in enumerate(topics)}
        for name, value in {**each, "score": score}.items():
            found.setdefault(name, []).append(value)
    return found


def test_each_view_answers_as_it_was_materialized(shop_home: Home) -> None:
    release = shop_home.application.release_folder(shops.trained(shop_home, "risk"))
    with serve(shop_home.database_url, release) as service:
        _, seen = service.call("GET", f"/features?{urllib.parse.urlencode(SEEN)}")
        _, first = service.call("POST", "/predict", SEEN)
        _, unknown = service.call("POST", "/predict", ASKED[-1])
        with served(service.handler) as url:
            typed = Client(url).predict(SEEN)
    assert all(0 <= number < 1 for number in seen["features"]["topics"])
    assert "unseen" not in first
    assert unknown["unseen"] == ["spending", "support", "busy"]
    made = {
        "spending": "2024-06-01T00:00:00+00:00",
        "support": "2024-05-31T00:00:00+00:00",
        "busy": "2024-05-30T00:00:00+00:00",
    }
    assert {each["features_as_of"] for each in (first, seen, unknown)} == {made["busy"]}
    assert first["features_as_of_by_view"] == seen["features_as_of_by_view"] == made
    assert {v: at.isoformat() for v, at in typed.features_as_of_by_view.items()} == made


def test_predict_takes_every_key_and_value_by_name(
    shop_home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    release = shops.trained(shop_home, "delay")
    words = [f"{name}={value}" for name, value in SEEN.items()]
    then = ("--as-of", shops.AS_OF, "--release", release, "--model", "delay", "--json")
    code, printed, _ = shop_home.run(capsys, "predict", *words, *then)
    answer: dict[str, Any] = json.loads(printed)
    assert code == 0
    assert (answer["cid"], answer["shop_no"], answer["amount"]) == ("c-2", 1, "12.34")
    low, high = answer["interval"]
    assert low < answer["prediction"] < high
    code, _, errors = shop_home.run(capsys, "predict", *words[:-1], *then)
    assert (code, errors.strip()) == (2, "hindcast: amount: is missing; send a decimal or null")


def post(url: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(url + path, json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_one_server_answers_for_every_model_of_the_project(shop_home: Home) -> None:
    for model in ("risk", "delay"):
        release = shops.trained(shop_home, model)
        promote.promote(shop_home.application, model, release, force=True, reason="a test")
    urls: Queue[str] = Queue()
    serving = (shop_home.application, None, "127.0.0.1", 0, urls.put)
    Thread(target=local.serve, args=serving, daemon=True).start()
    url = urls.get(timeout=60)
    answers = {model: post(url, f"/models/{model}/predict", SEEN) for model in shops.MODELS}
    assert {model: status for model, (status, _) in answers.items()} == {
        "risk": 200,
        "status": 503,  # Without a release in production.
        "delay": 200,
    }
    assert "probability" in answers["risk"][1]
    assert "interval" in answers["delay"][1]
    status, answer = post(url, "/predict", SEEN)
    assert (status, answer["error"]["field"]) == (404, "path")
