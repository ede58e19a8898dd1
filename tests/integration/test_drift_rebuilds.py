"""What follows from alerts: a rebuild, here or by a state machine, and the metric of the alarm."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hindcast import bootstrap, names
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.operations.drift import rebuilds
from hindcast.operations.drift.findings import DriftReport
from hindcast.telemetry import Silent
from lambdas.drift.handler import handler
from tests.integration.hindsight import AS_OF, NOW, Home

REGION, MODEL = "eu-west-1", "credit_risk"
DEFINITION = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
CANARY = {"canary": {"steps": [50]}}


@pytest.fixture
def machines(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Step Functions' client; the environment is that of the drift function, with one machine."""
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        names.ENV_HOME: str(home.folder),
        names.ENV_PROJECT: str(home.definitions.parent),
        names.ENV_DATABASE_URL: home.database_url,
        names.ENV_DEPLOYMENT: "staging",
        names.ENV_REBUILD_INPUT: json.dumps(CANARY),
    }
    with mock_aws():
        client = boto3.client("stepfunctions", region_name=REGION)
        role = "arn:aws:iam::123456789012:role/machine"
        made = client.create_state_machine(
            name=f"rebuild-{MODEL}", definition=DEFINITION, roleArn=role
        )
        arn = made["stateMachineArn"]
        environment[names.ENV_REBUILD_MACHINE] = arn.removesuffix(MODEL)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield client


def report(run: str, alerts: int = 1) -> DriftReport:
    """A check that had so many alerts."""
    return DriftReport(run, MODEL, "r", NOW, NOW, {}, alerts, (), (), "")


def test_alerts_start_the_machine_of_their_model_once_per_cool_down(machines: Any) -> None:
    application = bootstrap.application()
    none, first, second = (
        rebuilds.start_machine(application, report(run, alerts))
        for run, alerts in (("a", 0), ("b", 1), ("c", 1))
    )
    assert (none.started, none.reason) == (None, rebuilds.NO_ALERT)
    assert first.started == f"rebuild-{MODEL}.drift-b"
    assert second.started is None
    assert f"rebuild rebuild-{MODEL}.drift-b started at" in str(second.reason)

    run = application.ledger.find_run(str(first.started))
    execution = machines.describe_execution(executionArn=run.parameters["execution"])
    assert execution["name"] == "drift-b"
    assert json.loads(execution["input"]) == {**CANARY, "model": MODEL}
    assert (run.parameters["because"], run.status) == ("b", "unfinished")
    # The machine opens it under its own name: its run is this one.
    opened = application.ledger.open_run("rebuild", run.parameters, run.id, ["model"])
    assert opened.id == run.id


def test_the_function_checks_each_model_and_writes_the_metric_of_its_alarm(
    machines: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = handler({}, None)
    assert answer[MODEL]["alerts"] == 0
    assert answer[MODEL]["rebuild"] is None
    [line] = [text for text in capsys.readouterr().out.splitlines() if '"Drift"' in text]
    metric = json.loads(line)
    [told] = metric["_aws"]["CloudWatchMetrics"]
    assert told["Namespace"] == names.METRICS
    assert told["Dimensions"] == [[names.METRIC_DIMENSION, names.METRIC_MODEL]]
    assert (metric["deployment"], metric["model"], metric["Drift"]) == ("staging", MODEL, [0.0])
    kinds = {run.kind for run in bootstrap.application().ledger.runs()}
    assert names.REBUILD not in kinds


def test_on_one_machine_alerts_rebuild_and_then_wait_for_the_cool_down(home: Home) -> None:
    application = home.application
    clocks = bootstrap.knowledge(AS_OF, None, datetime.now(UTC))
    given = (DuckDBEngine(), clocks, Silent(), None)
    first = rebuilds.here(application, report("a"), *given)
    second = rebuilds.here(application, report("b"), *given)
    run = application.ledger.find_run(str(first.started))
    assert (run.kind, run.status, run.parameters["because"]) == ("rebuild", "succeeded", "a")
    assert run.outputs["release"]
    assert second.started is None
    assert "may not start within 7 days" in str(second.reason)
