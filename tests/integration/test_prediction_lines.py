"""What the predict handler logs: one line per answer whatever came of it, and ids nowhere else."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hindcast import names
from hindcast.errors import HindcastError
from hindcast.serving import journal
from hindcast.serving.handler import logger, meter
from tests.integration.service import FEATURES, Service, logged, serve, written
from tests.unit.serving import sample_release

Line = dict[str, Any]

COMMON = [
    "prediction_id",
    "instant",
    "id",
    "release",
    "materialization",
    "features_as_of",
    "features",
    "prediction",
    "probability",
    "outcome",
]
ROOT = Path(__file__).parents[2]
NOWHERE = "postgresql://nobody@/nothing?host=/nowhere"
SECRET = 700613527
UNKNOWN_SECRET = 700613528


@pytest.fixture(scope="module")
def served_url(served_url: str) -> str:
    """With a customer whose income is beyond what a model can take."""
    with psycopg.connect(served_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO hindcast.credit_history__run1 VALUES (%s, 1, 1e308, true, NULL)", [SECRET]
        )
    return served_url


@pytest.fixture
def broken(served_url: str, tmp_path: Path) -> Iterator[Service]:
    """The handler by a release whose query fails, with the key in the database's message."""
    sql = "SELECT CAST('k' || %(key_0)s AS INT8)"
    with serve(served_url, sample_release.write(tmp_path / "broken", sql=sql)) as opened:
        yield opened


@pytest.fixture
def away(release_dir: Path) -> Iterator[Service]:
    """The handler without its database."""
    with serve(NOWHERE, release_dir) as opened:
        yield opened


def answered(
    service: Service, capsys: pytest.CaptureFixture[str], path: str, body: Any
) -> list[Line]:
    """The prediction lines of one request; every one has the common fields, in one order."""
    lines = logged(capsys, lambda: service.call("POST", path, body))
    found = [line for line in lines if line.get("message") == names.PREDICTION_MESSAGE]
    for line in found:
        assert [name for name in line if name in COMMON] == COMMON
        assert len(line["prediction_id"]) == 36
        assert line["instant"].endswith("+00:00")
    assert len({line["prediction_id"] for line in found}) == len(found)
    return found


def outcomes(lines: list[Line]) -> list[tuple[str, Any]]:
    return [(line["outcome"], line["id"]) for line in lines]


def test_a_prediction_and_a_score(
    service: Service, capsys: pytest.CaptureFixture[str], release_dir: Path
) -> None:
    [line] = answered(service, capsys, "/predict", {"id": "5008827"})
    assert (line["outcome"], line["id"], line["release"]) == (
        "predicted",
        5008827,
        release_dir.name,
    )
    assert (line["materialization"], line["prediction"]) == ("run1", 1)
    [scored] = answered(service, capsys, "/score", {"features": {**FEATURES, "age": None}})
    assert (scored["outcome"], scored["id"], scored["materialization"]) == ("scored", None, None)
    assert scored["features"] == {**FEATURES, "age": None}


def test_an_unknown_id(
    service: Service, capsys: pytest.CaptureFixture[str], release_dir: Path
) -> None:
    [line] = answered(service, capsys, "/predict", {"id": "99"})
    assert outcomes([line]) == [("unknown", 99)]
    assert line["release"] == release_dir.name
    assert line["features"] is line["probability"] is line["prediction"] is None


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/predict", b"{", 400, "body"),
        ("/predict", {}, 422, "id"),
        ("/predict", {"id": "5008827x"}, 422, "id"),
        ("/predict", {"id": 1, "5008827": 2}, 422, "body"),
        ("/predict", {"id": 1, "ids[5008827]": 2}, 422, "body"),
        ("/predict/batch", {"ids": 5008827}, 422, "ids"),
        ("/predict/batch", {"ids": [5008827] * 1001}, 413, "ids"),
        ("/score", {"features": {**FEATURES, "5008827": 1}}, 422, "features"),
        ("/score", {"features": {**FEATURES, "age": "5008827"}}, 422, "features.age"),
        ("/score", {"instances": [FEATURES, {"age": 1}]}, 422, "instances[1].nb_previous_loans"),
    ],
)
def test_a_refusal_says_where_in_our_words(
    service: Service,
    capsys: pytest.CaptureFixture[str],
    path: str,
    body: Any,
    status: int,
    field: str,
) -> None:
    [line] = answered(service, capsys, path, body)
    assert (line["outcome"], line["status"], line["field"]) == ("refused", status, field)
    assert "5008827" not in json.dumps(line)


def test_a_batch_has_a_line_for_each_id_in_order(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = answered(
        service, capsys, "/predict/batch", {"ids": ["5008804", 99, "x9", 5008827, 5008804]}
    )
    assert outcomes(lines) == [
        ("predicted", 5008804),
        ("unknown", 99),
        ("refused", None),
        ("predicted", 5008827),
        ("predicted", 5008804),
    ]
    assert lines[2]["field"] == "ids[2]"
    assert answered(service, capsys, "/predict/batch", {"ids": []}) == []
    assert len(answered(service, capsys, "/score", {"instances": [FEATURES] * 3})) == 3


def test_the_database_away(away: Service, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcomes(answered(away, capsys, "/predict", {"id": 1})) == [("unavailable", 1)]
    lines = answered(away, capsys, "/predict/batch", {"ids": [1, "x9", "2"]})
    assert outcomes(lines) == [("unavailable", 1), ("unavailable", None), ("unavailable", 2)]
    [scored] = answered(away, capsys, "/score", {"features": FEATURES})
    assert outcomes([scored]) == [("scored", None)]


def test_an_unforeseen_failure(broken: Service, capsys: pytest.CaptureFixture[str]) -> None:
    lines = answered(broken, capsys, "/predict/batch", {"ids": [1, 2]})
    assert outcomes(lines) == [("failed", 1), ("failed", 2)]


def test_a_failure_among_scores_leaves_no_line_that_says_otherwise(
    service: Service, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([service.predictor.score([1.0] * 4)])
    monkeypatch.setattr(service.predictor, "score", lambda row: next(scores))
    lines = answered(service, capsys, "/score", {"instances": [FEATURES] * 2})
    assert outcomes(lines) == [("failed", None)] * 2


def test_what_is_no_prediction_has_no_such_line(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    def traffic() -> None:
        for path in ("/features/5008827", "/features/99", "/features/x", "/health", "/nothing"):
            service.call("GET", path)

    assert not [line for line in logged(capsys, traffic) if line.get("message") == "prediction"]


def test_the_log_level_leaves_no_prediction_out(
    service: Service, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logger.setLevel("CRITICAL")
    try:
        assert len(answered(service, capsys, "/predict", {"id": 5008827})) == 1
    finally:
        logger.setLevel("INFO")


def test_a_line_fits_into_an_event_of_cloudwatch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    features = [*sample_release.FEATURES, {"name": "x", "type": "string", "request_time": False}]
    line = dict.fromkeys(COMMON) | {"id": "k" * 300_000, "outcome": "scored"}
    line["features"] = {feature["name"]: "\u20ac" * 100_000 for feature in features}

    def write() -> None:
        journal.answered(logger, line)
        journal.answered(logger, {**line, "id": "k", "features": {"x": "short"}})

    long, short = logged(capsys, write)
    assert (long["id"], long["features"], long["shortened"]) == (None, None, True)
    assert (short["id"], short["features"]) == ("k", {"x": "short"})
    assert len(json.dumps(long)) < journal.MAX_LINE_BYTES


def everything_about(service: Service, key: int) -> None:
    """Every route, asked about the key in every way, right and wrong."""
    text = str(key)
    for path in (f"/features/{key}", f"/features/{key}x", f"/{key}", f"/features/{key}/{key}"):
        service.invoke("GET", path)
    service.invoke("GET", f"/health?id={key}")
    for body in ({"id": key}, {"id": text}, {"id": text + "x"}, {text: text}, {"id": [key]}, text):
        service.invoke("POST", "/predict", json.dumps(body).encode())
    for ids in ([key, text, text + "x", -key, key * 2**40], text, {text: key}):
        service.invoke("POST", "/predict/batch", json.dumps({"ids": ids}).encode())
    for values in ({**FEATURES, "age": key}, {**FEATURES, "age": text}, {text: key}, key):
        service.invoke(
            "POST", "/score", json.dumps({"features": values, "instances": [values]}).encode()
        )
        service.invoke("POST", "/score", json.dumps({"features": values}).encode())
        service.invoke("POST", "/score", json.dumps({"instances": [values]}).encode())
    for broken_body in (f"{{{key}".encode(), b"\xff" + text.encode()):
        service.invoke("POST", "/predict", broken_body)


def other_lines(capsys: pytest.CaptureFixture[str], action: Callable[[], None]) -> str:
    """All that action writes, to either stream, but the prediction lines."""

    def act() -> None:
        action()
        meter.write()

    lines, errors = written(capsys, act)
    return json.dumps([line for line in lines if line.get("message") != "prediction"]) + errors


@pytest.mark.parametrize("key", [SECRET, UNKNOWN_SECRET])
@pytest.mark.parametrize("state", ["service", "away", "broken"])
def test_ids_are_in_no_other_line(
    capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest, key: int, state: str
) -> None:
    asked = request.getfixturevalue(state)
    assert str(key) not in other_lines(capsys, lambda: everything_about(asked, key))


def test_an_error_that_quotes_an_id_is_logged_without_its_message(
    service: Service, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise HindcastError(f"something about {SECRET}") from error

    monkeypatch.setattr(service.predictor, "predict", fail)
    text = other_lines(capsys, lambda: everything_about(service, SECRET))
    assert "HindcastError" in text
    assert str(SECRET) not in text


DEVELOPING = """
import sys
from pathlib import Path
from tests.integration.service import serve
from tests.integration.test_prediction_lines import NOWHERE, everything_about
with serve(NOWHERE, Path(sys.argv[1])) as service:
    everything_about(service, int(sys.argv[2]))
"""


def test_nor_where_powertools_is_told_to_say_all_it_can(release_dir: Path) -> None:
    talkative = ("DEV", "DEBUG", "LOGGER_LOG_EVENT", "TRACE_DISABLED")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **{f"POWERTOOLS_{name}": "true" for name in talkative},
        "POWERTOOLS_LOG_LEVEL": "DEBUG",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
    }
    done = subprocess.run(
        [sys.executable, "-c", DEVELOPING, str(release_dir), str(SECRET)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    told = [line for line in done.stdout.splitlines() if str(SECRET) in line]
    assert told
    assert [line for line in told if '"message":"prediction"' not in line] == []
