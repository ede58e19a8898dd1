"""The control API of a real home: jobs in processes, who may do what, and what the ledger keeps."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hindcast.errors import ConflictError
from hindcast.operations.control import local, workers
from hindcast.operations.control.access import Tokens
from hindcast.operations.control.schedules import LocalSchedules
from hindcast.stores.database import connect
from hindcast.stores.ledger import LOST
from tests.integration import control
from tests.integration.control import Api
from tests.integration.hindsight import AS_OF, Home

MISSING = {"files": ["/no/such.csv"], "source": "loans"}


@pytest.fixture
def api(home: Home) -> Iterator[Api]:
    with control.opened(home) as opened:
        yield opened


def test_a_job_is_a_run_of_its_id_and_others_wait_for_it(home: Home, api: Api) -> None:
    body = {"as_of": AS_OF}
    first = api.done("POST", "/jobs/materialize", body, key="k1")
    waits = api.done("POST", "/jobs/ingest", MISSING)
    assert (first["status"], waits["status"]) == ("running", "queued")
    assert api.done("POST", f"/runs/{waits['id']}/cancel")["error"] == "cancelled by operator"
    told = api.wait(first["id"], "succeeded", "failed")
    assert told["status"] == "succeeded", told
    assert told["log"][0] == f"hindcast materialize --as-of={AS_OF}T00:00:00+00:00"
    run = home.application.ledger.find_run(first["id"])
    assert (run.kind, run.by, run.outputs) == ("materialize", "operator", told["outputs"])
    refused = api.wait(api.done("POST", "/jobs/ingest", MISSING)["id"], "failed")
    assert refused["error"].startswith("/no/such.csv: ")
    page = api.done("GET", "/runs?limit=2")
    assert [each["status"] for each in page["runs"]] == ["failed", "cancelled"]
    following = api.done("GET", f"/runs?limit=1&cursor={page['next']}")
    assert [each["id"] for each in following["runs"]] == [first["id"]]
    assert api.done("POST", "/jobs/materialize", body, key="k1")["id"] == first["id"]
    assert api.ask("POST", "/jobs/materialize", {}, key="k1")[0] == 422


def test_what_a_stopped_server_leaves_is_interrupted_and_can_be_retried(home: Home) -> None:
    with control.opened(home) as api:
        second = local.opened(home.application, at_once=1)
        with pytest.raises(ConflictError, match="another server"), second:
            pass
        left = api.done("POST", "/jobs/train", {"as_of": AS_OF}, key="k1")["id"]
    # As if the server had been killed before it could say that the job started, and after.
    jobs, runner = home.application.ledger.jobs, api_runner(home, left)
    jobs.add("lost", "train", {}, runner, "ann")
    jobs.start("lost", 2**22 + 1)
    with control.opened(home) as api:
        assert api.done("GET", f"/runs/{left}")["error"] == workers.STOPPED
        assert api.wait("lost", "interrupted")["error"] == LOST
        assert api.done("POST", "/jobs/train", {"as_of": AS_OF}, key="k1")["id"] == left
        retried = api.done("POST", f"/runs/{left}/retry")
        assert (retried["retries"], retried["status"]) == (left, "running")
        assert api.ask("POST", f"/runs/{retried['id']}/retry")[0] == 409
        api.done("POST", f"/runs/{retried['id']}/cancel")
        assert api.done("GET", f"/runs/{retried['id']}")["status"] == "cancelled"
        for key, number in ("k2", signal.SIGKILL), ("k3", signal.SIGTERM):
            killed = api.done("POST", "/jobs/train", {}, key=key)["id"]
            os.killpg(jobs.find(api.wait(killed, "running")["id"]).pid or 0, number)
            assert f"signal {number}" in api.wait(killed, "interrupted")["error"]


def api_runner(home: Home, job: str) -> str:
    """Whose jobs the API of this home does."""
    return home.application.ledger.jobs.find(job).runner


REFUSED: list[tuple[str, str, str, Any, int, str | None]] = [
    ("unknown", "GET", "/runs", None, 401, "Authorization"),
    ("viewer", "POST", "/jobs/train", {}, 403, "Authorization"),
    ("operator", "POST", "/releases/1/promote", {}, 403, "Authorization"),
    ("operator", "POST", "/jobs/dance", {}, 404, "job"),
    ("operator", "GET", "/runs/none", None, 404, None),
    ("operator", "DELETE", "/runs", None, 405, "method"),
    ("operator", "POST", "/jobs/train", {"asof": AS_OF}, 422, "asof"),
    ("operator", "POST", "/jobs/train", {"as_of": "soon"}, 422, "as_of"),
    ("operator", "POST", "/jobs/train", {"model": "other"}, 422, "model"),
    ("operator", "POST", "/jobs/train", [], 422, "body"),
    ("operator", "POST", "/jobs/ingest", {"files": ["a\0b"]}, 422, "files.0"),
    ("viewer", "GET", "/runs?cursor=x", None, 422, "cursor"),
    ("viewer", "GET", "/runs?limit=many", None, 422, "limit"),
    ("approver", "POST", "/models/other/rollback", {}, 404, "model"),
    ("operator", "PUT", "/schedules/train", {"cron": "soon"}, 422, "cron"),
    (
        "operator",
        "PUT",
        "/schedules/train",
        {"cron": "0 2 * * *", "parameters": {"x": 1}},
        422,
        "parameters.x",
    ),
]


def test_what_cannot_be_is_refused_with_its_field(api: Api) -> None:
    found = [(api.ask(method, path, body, by), path) for by, method, path, body, *_ in REFUSED]
    told = [(status, document["error"]["field"], path) for (status, document), path in found]
    assert told == [(status, field, path) for _, _, path, _, status, field in REFUSED]


def test_a_promotion_takes_an_approver_who_has_not_trained(home: Home) -> None:
    redefined = home.redefine(("latency_ms=1_000)", "latency_ms=1_000), second_person=True"))
    ledger, newest = redefined.application.ledger, redefined.train("2021-08-17")
    trainer = ledger.by
    redefined.evaluate(newest)
    with control.opened(redefined) as api:
        own = Tokens(home.folder).add(trainer, "approver")
        path = f"/releases/{newest}/promote"
        status, refused = api.ask("POST", path, {}, by=own)
        assert status == 409, refused
        assert f"{trainer} trained it" in refused["error"]["message"]
        assert api.done("POST", path, {}, by="approver")["by"] == "approver"
        # Again is no other promotion; and a rollback with its key is one rollback.
        assert api.done("POST", path, {}, by="approver")["action"] == "promote"
        back = "/models/credit_risk/rollback"
        first = api.done("POST", back, by="approver", key="k1")
        assert api.done("POST", back, by="approver", key="k1") == first
        status, other = api.ask("POST", back, {"release": newest}, by="approver")
        assert status == 409, other
        champion = api.done("GET", "/status")["models"]["credit_risk"]["champion"]
        assert champion == first["release"]
        assert api.done("GET", f"/releases/{champion}")["state"] == "champion"
        assert len(api.done("GET", "/releases?limit=2")["releases"]) == 2
    with connect(redefined.database_url) as session:
        kept = session.execute("SELECT by, role, path, status FROM ledger.calls ORDER BY number")
        assert kept.fetchall()[:2] == [
            (trainer, "approver", path, 409),
            ("approver", "approver", path, 200),
        ]


def test_a_schedule_starts_its_job_once_at_each_instant(home: Home, api: Api) -> None:
    put = {"cron": "*/5 * * * *", "parameters": {"as_of": AS_OF}}
    job = api.done("PUT", "/schedules/train.nightly", put)
    assert datetime.fromisoformat(job["next_at"]).minute % 5 == 0
    started: list[tuple[str, datetime]] = []
    ledger, now = home.application.ledger, datetime.now(UTC)
    schedules = LocalSchedules(
        ledger, lambda _, given: given, lambda due, at: started.append((due.name, at))
    )
    later = now.replace(minute=0, second=30) + timedelta(hours=1)
    schedules.start_due(now, later)
    schedules.start_due(later, later + timedelta(minutes=1))
    assert started == [("train.nightly", later.replace(second=0, microsecond=0))]
    api.done("PUT", "/schedules/train.nightly", {**put, "paused": True})
    schedules.start_due(now, later)
    assert len(started) == 1
    assert [each["next_at"] for each in api.done("GET", "/schedules")["schedules"]] == [None]


def test_a_subscription_is_made_told_and_ended(api: Api) -> None:
    body = {"name": "crm", "url": "http://127.0.0.1:9/hook", "types": ["Promoted"]}
    made = api.done("POST", "/subscriptions", body, key="k1")
    assert made["secret"]
    assert api.done("POST", "/subscriptions", body, key="k1") == {**made, "secret": None}
    [listed] = api.done("GET", "/subscriptions")["subscriptions"]
    assert (listed["name"], listed["by"]) == ("crm", "operator")
    api.done("DELETE", "/subscriptions/crm")
    assert api.done("GET", "/subscriptions")["subscriptions"] == []
