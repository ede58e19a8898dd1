"""Jobs on AWS, from the control API's call to the end of their runs: one story of a deployment."""

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hindcast import names
from hindcast.demo.generate import generate
from hindcast.operations import job_events, training_job
from hindcast.traffic.proxy_events import Context, proxy_event
from lambdas.control_api import handler as control_api
from tests import one_view
from tests.integration.hindsight import AS_OF, FAST, Home
from tests.orchestration.aws import Given
from tests.orchestration.cloud import ACCOUNT, REGION, Cloud, client, cloud, describe

ANN = "arn:aws:sts::123456789012:assumed-role/Operators/ann"
MACHINES = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:"
FILES = ["s3://lake/incoming/"]
# Loans come in while the test runs; all rows know them.
KNOWN_BY = (datetime.now(UTC) + timedelta(days=1)).isoformat()
CLOCKS = {"as_of": AS_OF, "known_by": KNOWN_BY, "from": "2016-01-01"}
SECONDS_TO_END = 120


class Story:
    """A deployment that has nothing yet, and the control API over its machines."""

    def __init__(self, around: Cloud) -> None:
        self.around, self.ledger = around, around.home.application.ledger

    def ask(self, method: str, path: str, body: Any = None, key: str = "") -> dict[str, Any]:
        """The document of a call that is answered well, by an operator."""
        sent = b"" if body is None else json.dumps(body).encode()
        headers = [("Idempotency-Key", key)] if key else []
        event = proxy_event(method, path, headers, sent, "10.0.0.1")
        event["requestContext"]["identity"]["userArn"] = ANN
        answer = control_api.handler(event, Context())
        document: dict[str, Any] = json.loads(answer["body"])
        assert answer["statusCode"] < 300, document
        return document

    def done(self, command: str, body: Any) -> dict[str, Any]:
        """The run of a job that was started, when it has ended."""
        return self.ended(self.ask("POST", f"/jobs/{command}", body)["id"])

    def ended(self, run: str) -> dict[str, Any]:
        """A run when it has ended; by the ledger, which hears of it from the machine."""
        deadline = time.monotonic() + SECONDS_TO_END
        while self.ledger.jobs.find_work(run).status == "running":
            assert time.monotonic() < deadline, describe(execution(run))
            time.sleep(0.05)
        return self.ask("GET", f"/runs/{run}")


def execution(run: str) -> str:
    machine, _, name = run.partition(".")
    return f"{MACHINES.replace(':stateMachine:', ':execution:')}{machine}:{name}"


@pytest.fixture(scope="module")
def story(module_database_url: str) -> Iterator[Story]:
    with tempfile.TemporaryDirectory(prefix="hindcast-home-") as folder:
        home = Home(Path(folder), module_database_url)
        one_view.write(home.definitions.parent, FAST)
        generate(home.folder / "loans.csv", customers=300, seed=3)
        with cloud(home) as around, pytest.MonkeyPatch.context() as patch:
            patch.setenv(names.ENV_MACHINES, MACHINES)
            patch.setenv(names.ENV_ROLES, json.dumps({"*/Operators/*": "operator"}))
            patch.setenv(names.ENV_DEPLOYMENT, "staging")
            put(home.folder / "loans.csv")
            control_api._api.cache_clear()
            yield Story(around)
            control_api._api.cache_clear()


def put(file: Path) -> None:
    place = {"LocationConstraint": REGION}
    client("s3").create_bucket(Bucket="lake", CreateBucketConfiguration=place)
    client("s3").put_object(Bucket="lake", Key=f"incoming/{file.name}", Body=file.read_bytes())


@pytest.fixture(scope="module")
def ingested(story: Story) -> dict[str, Any]:
    return story.done("ingest", {"files": FILES})


@pytest.fixture(scope="module")
def trained(story: Story, ingested: dict[str, Any]) -> dict[str, Any]:
    return story.done("train", CLOCKS)


@pytest.fixture(scope="module")
def release(trained: dict[str, Any]) -> str:
    found: str = trained["outputs"]["release"]
    return found


def test_files_are_ingested_in_a_run_of_whoever_asked(
    story: Story, ingested: dict[str, Any]
) -> None:
    assert (ingested["status"], ingested["by"]) == ("succeeded", ANN)
    assert ingested["outputs"]["accepted"] > 0
    run = story.ledger.find_run(ingested["id"])
    assert (run.kind, run.by) == ("ingest", ANN)
    assert run.parameters == {"source": "loans", "file": "s3://lake/incoming/loans.csv"}
    ended = describe(execution(run.id))
    assert json.loads(ended["output"])["accepted"] == ingested["outputs"]["accepted"]


def test_a_release_is_trained_and_judged_and_not_promoted(
    story: Story, trained: dict[str, Any], release: str
) -> None:
    assert (trained["status"], trained["by"]) == ("succeeded", ANN)
    record = story.ledger.find_release("credit_risk", release)
    assert (record.run_id, record.manifest["known_by"]) == (trained["id"], KNOWN_BY)
    assert record.manifest["range"] == {"from": "2016-01-01T00:00:00+00:00"}
    judged = story.ledger.find_run(f"{trained['id']}.evaluation")
    # That its gate refuses it is an answer, and no failure.
    assert (judged.kind, judged.by, judged.outputs["passed"]) == ("evaluate", ANN, False)
    assert story.ledger.champion("credit_risk") is None


def test_what_is_too_big_for_a_function_is_trained_by_its_image(story: Story, release: str) -> None:
    def train(given: Given) -> None:
        training_job.main(given["AlgorithmSpecification"]["ContainerArguments"])

    story.around.trainings.work = train
    story.around.rework(
        lambda states: states["HowToTrain"].update(Default="DescribeTraining"), "train"
    )
    again = story.done("train", CLOCKS)
    assert (again["status"], again["by"], again["outputs"]["release"]) == (
        "succeeded",
        ANN,
        release,
    )


def test_drift_is_checked_in_a_window_that_is_over_and_starts_no_rebuild(
    story: Story, release: str
) -> None:
    story.around.home.promote(release)
    window = {"from": "2021-09-01T00:00:00+00:00", "until": "2021-09-08T00:00:00+00:00"}
    checked = story.done("drift", window)
    assert (checked["status"], checked["by"]) == ("succeeded", ANN)
    assert checked["parameters"]["until"] == window["until"]
    report = json.loads(describe(execution(checked["id"]))["output"])
    assert report == {"credit_risk": {"run": checked["id"], "alerts": 0, "rebuild": None}}


def test_a_materialization_is_a_refresh_of_the_view_that_is_named(story: Story) -> None:
    given = {"view": "credit_history", "as_of": AS_OF, "known_by": KNOWN_BY, "force": True}
    run = story.ask("POST", "/jobs/materialize", given)["id"]
    story.around.wait(execution(run))
    [started] = story.around.edge.made("glue", "StartJobRun")
    assert started["Arguments"] == {
        "--as_of": f"{AS_OF}T00:00:00+00:00",
        "--known_by": KNOWN_BY,
        "--feature_views": "credit_history",
        "--force": "true",
        "--by": ANN,
    }
    # Nothing was computed, so that nothing is online.
    assert story.ask("GET", f"/runs/{run}")["error"].startswith("FAILED: DataChecksFailed")


def test_a_run_whose_function_is_killed_is_closed_and_its_job_retried(
    story: Story, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers = story.around.functions.handlers
    left: list[Any] = []  # Kept, as a run that nobody holds would end.

    def kill(event: Any, _: Any) -> Any:
        left.append(job_events.application(event).ledger.run("evaluate", {}))
        left[-1].__enter__()
        raise type("Sandbox.Timedout", (Exception,), {})("after 900 s")

    monkeypatch.setattr(story.around.functions, "handlers", {**handlers, "evaluate": kill})
    killed = story.done("evaluate", {"release": release})
    assert (killed["status"], killed["error"]) == (
        "failed",
        "Evaluate: Sandbox.Timedout: after 900 s",
    )
    assert story.ledger.find_run(killed["id"]).error == killed["error"]
    monkeypatch.setattr(story.around.functions, "handlers", handlers)
    again = story.ended(story.ask("POST", f"/runs/{killed['id']}/retry")["id"])
    assert (again["status"], again["retries"]) == ("succeeded", killed["id"])
    assert again["outputs"]["passed"] is False


def test_a_job_that_is_cancelled_stays_so_whatever_its_function_still_does(
    story: Story, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers, began, go_on = story.around.functions.handlers, threading.Event(), threading.Event()
    worked = threading.Event()

    def slow(event: Any, _: Any) -> Any:
        with job_events.application(event).ledger.run("evaluate", {}):
            began.set()
            assert go_on.wait(SECONDS_TO_END)
        worked.set()
        return {}

    monkeypatch.setattr(story.around.functions, "handlers", {**handlers, "evaluate": slow})
    run = story.ask("POST", "/jobs/evaluate", {"release": release}, key="k")["id"]
    assert began.wait(SECONDS_TO_END)
    assert story.ask("POST", f"/runs/{run}/cancel")["status"] == "cancelled"
    go_on.set()
    assert worked.wait(SECONDS_TO_END)
    assert story.around.wait(execution(run)).status == "ABORTED"
    kept = story.ledger.find_run(run)
    assert (kept.status, kept.error) == ("failed", f"cancelled by {ANN}")
    assert story.ask("POST", "/jobs/evaluate", {"release": release}, key="k")["id"] == run
