"""The functions behind state machines, schedules and subscriptions, with the events these send.

All are of one deployment, whose life so far is a story: its database was migrated from nothing,
loans came in, and a rebuild trained, judged and promoted the first release.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from hindcast import bootstrap, names
from hindcast.data.refresh import refresh
from hindcast.demo.generate import FIRST_CUSTOMER, generate
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.releases.fetch import fetch
from tests.e2e import emulator
from tests.e2e.emulator import Function, FunctionError
from tests.e2e.functions import PREDICT, started, template
from tests.e2e.gateway import ask
from tests.e2e.machine import Execution
from tests.e2e.staging import Staging, staging
from tests.infra.resources import properties
from tests.integration.hindsight import AS_OF, NOW, ingest
from tests.unit.audit.prediction_log import prediction_lines

pytestmark = pytest.mark.skipif(bool(emulator.missing()), reason=str(emulator.missing()))
CLOCKS = {"as_of": AS_OF, "known_by": "2021-09-18"}
KNOWN, UNKNOWN = FIRST_CUSTOMER, 1
REBUILD = "rebuild-credit_risk"


@dataclass(frozen=True)
class Tasks:
    """The functions that do a state machine's work."""

    control: Function
    train: Function
    evaluate: Function


@pytest.fixture(scope="module")
def deployment() -> Iterator[Staging]:
    with staging() as made:
        yield made


@pytest.fixture(scope="module")
def migrations(deployment: Staging) -> list[Any]:
    """What the delivery's request is answered, and the same request again."""
    with started("migrate", deployment.places()) as migrate:
        return [migrate.invoke({"action": "migrate"}) for _ in range(2)]


@pytest.fixture(scope="module")
def tasks(deployment: Staging, migrations: list[Any]) -> Iterator[Tasks]:
    """They come upon loans that were ingested and materialized."""
    loans = deployment.folder / "loans.csv"
    generate(loans, customers=300, seed=5)
    ingest(deployment.application, loans)
    refresh(deployment.application, None, DuckDBEngine(), bootstrap.knowledge(AS_OF, None, NOW))
    own = {names.ENV_PROJECT: str(deployment.folder / "project")}
    with (
        started("control", deployment.places(), **own) as control,
        started("train", deployment.places(), **own) as train,
        started("evaluate", deployment.places(), **own) as evaluate,
    ):
        yield Tasks(control, train, evaluate)


@pytest.fixture(scope="module")
def rebuild(tasks: Tasks) -> dict[str, Any]:
    """The answers to what a rebuild sends, by the states that send it."""
    execution = Execution(REBUILD, "weekly", {**schedule(REBUILD), **CLOCKS})
    steps = {
        "OpenRun": tasks.control,
        "CheckData": tasks.control,
        "Train": tasks.train,
        "FindRelease": tasks.control,
        "Evaluate": tasks.evaluate,
        "Promote": tasks.control,
        "CloseRun": tasks.control,
    }
    return {state: execution.task(state, function) for state, function in steps.items()}


@pytest.fixture
def predict(deployment: Staging, rebuild: dict[str, Any]) -> Iterator[Function]:
    """Predict with the promoted release in its image, as the image's build fetches it."""
    kept = deployment.application.settings.releases
    release = fetch(kept, rebuild["Train"]["release"], deployment.folder / "image")
    with started(PREDICT, deployment.places(deployment.proxy, release)) as running:
        yield running


def schedule(name: str) -> dict[str, Any]:
    """What EventBridge Scheduler sends at a schedule's times."""
    schedules = properties(template("orchestration"), "AWS::Scheduler::Schedule")
    [found] = [one for one in schedules if one["Name"] == f"hindcast-staging-{name}"]
    given: dict[str, Any] = json.loads(found["Target"]["Input"])
    return given


def subscription(predict: Function) -> dict[str, Any]:
    """What the stream has of a function's log: the lines that the template's filter lets by."""
    found = properties(template("models"), "AWS::Logs::SubscriptionFilter")
    [pattern] = {one["FilterPattern"] for one in found}
    match = re.fullmatch(r'\{ \$\.message = "(.*)" \}', pattern)
    assert match is not None
    lines = [line for line in predict.lines if line.get("message") == match[1]]
    return prediction_lines.batch(prediction_lines.data(*map(json.dumps, lines)))


def created(deployment: Staging, key: str, content: bytes) -> dict[str, Any]:
    """What EventBridge sends of an object that is put into the lake's bucket."""
    bucket = deployment.application.settings.lake.removeprefix("s3://")
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    [rule] = properties(template("models"), "AWS::Events::Rule")
    [prefix] = rule["EventPattern"]["detail"]["object"]["key"]
    assert key.startswith(prefix["prefix"])
    detail = {"bucket": {"name": bucket}, "object": {"key": key, "size": len(content)}}
    [target] = rule["Targets"]
    text = target["InputTransformer"]["InputTemplate"].replace("<detail>", json.dumps(detail))
    given: dict[str, Any] = json.loads(text)
    return given


def test_a_database_is_made_from_nothing_and_then_left_alone(migrations: list[Any]) -> None:
    first, again = migrations
    assert {"schema ledger", "user hindcast_reader", "user hindcast_worker"} <= {*first["added"]}
    assert (again["added"], again["removed"]) == ([], [])


def test_a_rebuild_trains_judges_and_promotes(deployment: Staging, rebuild: dict[str, Any]) -> None:
    release = rebuild["Train"]["release"]
    assert rebuild["OpenRun"]["opened"] is True
    assert rebuild["CheckData"]["passed"] is True
    assert rebuild["FindRelease"] == {"release": release}
    assert rebuild["Evaluate"]["passed"] is True
    assert (rebuild["Promote"]["release"], rebuild["Promote"]["forced"]) == (release, False)
    assert rebuild["CloseRun"]["status"] == "succeeded"
    assert deployment.application.champion("credit_risk").release == release
    assert deployment.application.releases.names() == [release]


def test_a_step_that_is_tried_again_finds_its_work_done(
    tasks: Tasks, rebuild: dict[str, Any]
) -> None:
    retried = Execution(REBUILD, "weekly", CLOCKS)
    retried.variables |= {"open": rebuild["OpenRun"]}
    assert retried.task("Train", tasks.train) == rebuild["Train"]
    retried.variables["evaluation"] = rebuild["Evaluate"]
    assert retried.task("Promote", tasks.control) == rebuild["Promote"]


def test_a_second_rebuild_is_told_who_is_first(tasks: Tasks, rebuild: dict[str, Any]) -> None:
    first, second = (Execution(REBUILD, name, CLOCKS) for name in ("first", "second"))
    assert first.task("OpenRun", tasks.control)["opened"] is True
    refused = second.task("OpenRun", tasks.control)
    assert (refused["opened"], refused["execution"]) == (False, first.id)
    second.variables["other"] = "ABORTED"
    closed = second.task("CloseOther", tasks.control)
    assert (closed["run"], closed["status"]) == ("rebuild-credit_risk.first", "failed")
    assert second.task("OpenRun", tasks.control)["opened"] is True
    second.task("CloseRun", tasks.control)


def test_a_refresh_has_its_features_checked(tasks: Tasks) -> None:
    execution = Execution("refresh", "daily", {**schedule("refresh"), **CLOCKS})
    report = execution.task("CheckData", tasks.control)
    assert [view["view"] for view in report["views"]] == ["credit_history"]
    assert report["failures"] == []


def test_the_hourly_schedule_publishes_ages(
    deployment: Staging, tasks: Tasks, rebuild: dict[str, Any]
) -> None:
    measured = tasks.control.invoke(schedule("measure"))
    assert measured["missing"] == {}
    assert measured["published"].keys() == deployment.metrics.keys()
    for name, ages in measured["published"].items():
        assert min(ages.values()) > 0
        assert deployment.metrics[name] == pytest.approx(ages)


def test_a_file_that_comes_into_the_bucket_is_ingested_once(
    deployment: Staging, tasks: Tasks
) -> None:
    lines = (deployment.folder / "loans.csv").read_bytes().splitlines(keepends=True)[:2]
    event = created(deployment, 'incoming/"new" loans.csv', b"".join(lines))
    false = created(deployment, "incoming/loans.xlsx", b"")
    own = {names.ENV_PROJECT: str(deployment.folder / "project")}
    with started("ingest", deployment.places(), **own) as ingest:
        first, again = ingest.invoke(event), ingest.invoke(event)
        with pytest.raises(FunctionError) as raised:
            ingest.invoke(false)
    assert (first["accepted"], first["quarantined"]) == (1, 0)
    assert again["already_ingested"] is True
    assert raised.value.error_type == "InputError"
    runs = deployment.application.ledger.runs("ingest", None, 3)
    assert [run.status for run in runs] == ["failed", "succeeded", "succeeded"]
    assert runs[-1].inputs["file"]["name"] == first["file"]


def test_answers_are_collected_once(deployment: Staging, predict: Function) -> None:
    answer = ask(predict, "POST", "/predict", {"id": KNOWN})
    assert ask(predict, "POST", "/predict", {"id": UNKNOWN}).status == 404
    with started("collect-log", deployment.places()) as collect:
        event = subscription(predict)
        first, again = collect.invoke(event), collect.invoke(event)
        control = prediction_lines.data("CWL CONTROL MESSAGE", kind="CONTROL_MESSAGE")
        check = collect.invoke(prediction_lines.batch(control))
    assert (first["new"], again["new"], again["already"]) == (2, 0, 2)
    assert check["predictions"] == check["quarantined"] == 0
    rows = (
        deployment.application.lake.open(names.PREDICTIONS, fix="").to_pyarrow_table().to_pylist()
    )
    found = {row["outcome"]: row for row in rows}
    assert found["unknown"]["id"] == str(UNKNOWN)
    assert found["predicted"]["probability"] == answer.document["probability"]
    assert found["predicted"]["prediction_id"] == answer.document["prediction_id"]


def test_a_release_that_was_refused_is_an_event_for_the_relay_to_tell_people_of(
    deployment: Staging, tasks: Tasks, rebuild: dict[str, Any]
) -> None:
    definitions = deployment.folder / "project" / "definitions.py"
    before = definitions.read_text()
    definitions.write_text(before.replace("latency_ms=1_000", "latency_ms=0.0001"))
    try:
        report = tasks.evaluate.invoke({"release": rebuild["Train"]["release"]})
    finally:
        definitions.write_text(before)
    assert report["passed"] is False
    [event] = deployment.application.ledger.outbox.events("GateRefused")
    assert event.data["release"] == report["release"]
    assert "latency" in event.data["failures"][0]


@pytest.mark.parametrize(
    ("function", "event", "error"),
    [
        ("control", {"action": "dance"}, "InputError"),
        ("control", {"action": "promote", "release": "credit_risk-000000000000"}, "NotFoundError"),
        ("train", {"model": "none"}, "InputError"),
        ("train", {"as_of": "1900-01-01"}, "TrainingError"),
        ("evaluate", {"release": "credit_risk-000000000000"}, "NotFoundError"),
    ],
)
def test_what_no_retry_can_help_has_another_name(
    tasks: Tasks, function: str, event: dict[str, Any], error: str
) -> None:
    with pytest.raises(FunctionError) as raised:
        getattr(tasks, function).invoke(event)
    assert raised.value.error_type == error


def test_without_the_database_the_machines_try_again(
    deployment: Staging, tasks: Tasks, rebuild: dict[str, Any]
) -> None:
    assert retried() == {"ConflictError", "StoreUnavailableError"}
    asked = {
        tasks.control: {"action": "trained", **CLOCKS},
        tasks.train: CLOCKS,
        tasks.evaluate: {},
    }
    deployment.stop_database()
    try:
        for function, event in asked.items():
            with pytest.raises(FunctionError) as raised:
                function.invoke(event)
            assert raised.value.error_type == "StoreUnavailableError"
    finally:
        deployment.start_database()
    assert tasks.control.invoke(asked[tasks.control]) == rebuild["FindRelease"]


def retried() -> set[str]:
    """The errors of ours that the machines name: all but AWS's, which have a dot."""
    folder = Path(__file__).parents[2] / "step_functions"
    texts = [path.read_text() for path in folder.glob("*.asl.json")]
    lists = [
        found for text in texts for found in re.findall(r'"ErrorEquals": \[(.*?)\]', text, re.S)
    ]
    return {name for one in lists for name in re.findall(r'"(\w+)"', one)}
