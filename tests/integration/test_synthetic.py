"""What the rebuild machine asks of a version: known questions, answered as any and as nobody's."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hindcast.audit.prediction_log.parser import Batch
from hindcast.errors import NotFoundError
from hindcast.operations import known_questions
from hindcast.serving.handler import make_handler, meter
from hindcast.traffic import proxy_events
from tests.integration.hindsight import CUSTOMERS, Home
from tests.integration.service import Service, serve, written
from tests.unit.serving import sample_release

SECRET = 5008827
ASKED = {
    "path": "/predict",
    "bodies": [json.dumps({"id": SECRET}), json.dumps({"id": 700613599})],
    "times": 3,
    "slow_ms": 60_000,
}


def test_a_synthetic_request_is_answered_as_any_and_counted_as_nobodys(
    service: Service, release_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found: list[Any] = []
    meter.write()
    context = proxy_events.Context()
    lines, errors = written(
        capsys, lambda: found.append(service.handler({"synthetic": ASKED}, context))
    )
    counts = {"asked": 3, "failed": 1, "slow": 0, "why": "404: id"}
    assert found == [{"release": release_dir.name, **counts}]
    assert [line["message"] for line in lines] == ["synthetic"] * 3
    assert [line["outcome"] for line in lines] == ["predicted", "unknown", "predicted"]
    assert str(SECRET) not in json.dumps(lines) + errors
    assert "Predictions" not in meter._counts
    batch = Batch()
    for number, line in enumerate(lines):
        batch.add("log", number, json.dumps(line).encode())
    assert (batch.predictions, batch.other, batch.bad) == (0, 3, [])


def test_the_probes_requests_are_answered_as_any_and_are_nobodys(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whose they are API Gateway says, which saw who signed."""
    handler = make_handler(service.predictor, "arn:aws:sts::1:assumed-role/hindcast-staging-probe/")
    body = json.dumps({"id": SECRET}).encode()

    def ask(role: str) -> list[str]:
        event = proxy_events.proxy_event("POST", "/predict", [], body, "127.0.0.1")
        event["requestContext"]["identity"]["userArn"] = f"arn:aws:sts::1:assumed-role/{role}/x"
        answers: list[Any] = []

        def answered() -> None:
            answers.append(handler(event, proxy_events.Context()))
            meter.write()

        meter.write()
        lines, _ = written(capsys, answered)
        assert json.loads(answers[0]["body"])["id"] == SECRET
        return [line.get("message", "metrics") for line in lines]

    assert ask("hindcast-staging-probe") == ["synthetic"]
    assert ask("hindcast-staging-prober") == ["prediction", "metrics"]


def test_no_caller_can_pass_for_the_machine(service: Service) -> None:
    body = json.dumps({"id": SECRET}).encode()
    event = proxy_events.proxy_event("POST", "/predict", [], body, "127.0.0.1")
    answer = service.handler({**event, "synthetic": ASKED}, proxy_events.Context())
    assert json.loads(answer["body"])["id"] == SECRET


def test_a_database_that_is_away_and_slow_answers_are_told(tmp_path: Path) -> None:
    nowhere = "postgresql://nobody@/nothing?host=/nowhere"
    with serve(nowhere, sample_release.write(tmp_path)) as away:
        asked = {**ASKED, "times": 2, "slow_ms": 0}
        found = away.handler({"synthetic": asked}, proxy_events.Context())
    assert (found["failed"], found["slow"]) == (2, 2)
    assert found["why"] == "503: the online store does not answer; try again"


def test_what_was_asked_lately_is_asked_again_and_else_whom_the_online_store_knows(
    home: Home,
) -> None:
    release, now = home.releases[-1], datetime.now(UTC)

    def asked(at: datetime = now) -> list[str]:
        found = known_questions.find(home.application, None, release, at)
        assert found.path == "/predict"
        return sorted(json.loads(body)["id"] for body in found.bodies)

    online = asked()
    assert len(online) == known_questions.COUNT
    assert int(online[0]) in CUSTOMERS
    home.answer(int(online[0]), 99)  # The other one is unknown.
    assert asked() == online[:1]
    assert asked(now + timedelta(days=8)) == online
    with psycopg.connect(home.database_url) as connection:
        assert home.online is not None
        gone = f"DELETE FROM hindcast.{home.online.table} WHERE id = {online[0]}"
        connection.execute(gone.encode())
    assert online[0] not in asked()
    with psycopg.connect(home.database_url) as connection:
        connection.execute(f"DELETE FROM hindcast.{home.online.table}".encode())
    with pytest.raises(NotFoundError, match="neither the prediction log nor the online store"):
        asked()
