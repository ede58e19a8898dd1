"""The control API on AWS, by the Lambda's handler over moto: executions, schedules, identities."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from hindcast import names, project
from hindcast.operations.control.event_bridge import aws_cron
from hindcast.serving.requests import RequestError
from hindcast.stores.ledger import Ledger
from hindcast.traffic.proxy_events import Context, proxy_event
from lambdas.control_api import handler as control_api
from tests.integration import moto_aws
from tests.integration.moto_aws import REGION

PREFIX = f"arn:aws:states:{REGION}:123456789012:stateMachine:shop-"
PEOPLE = "arn:aws:sts::123456789012:assumed-role/People"
ANN, BOB = f"{PEOPLE}/ann", f"{PEOPLE}/bob"
ROLES = {f"{PEOPLE}/*": "operator", BOB: "approver"}
ROLE = "arn:aws:iam::123456789012:role/any"


@pytest.fixture(scope="module")
def ledger(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """The ledger of a deployment whose control function this process is."""
    settings = {
        names.ENV_HOME: str(tmp_path_factory.mktemp("home")),
        names.ENV_PROJECT: str(project.examples() / "credit_risk"),
        names.ENV_DATABASE_URL: module_database_url,
        names.ENV_MACHINES: PREFIX,
        names.ENV_ROLES: json.dumps(ROLES),
    }
    with moto_aws.served(), pytest.MonkeyPatch.context() as patch:
        for machine in ("shop-refresh", "shop-rebuild-credit_risk"):
            boto3.client("stepfunctions").create_state_machine(
                name=machine, definition="{}", roleArn=ROLE
            )
        for name, value in settings.items():
            patch.setenv(name, value)
        control_api._api.cache_clear()
        yield Ledger(module_database_url)
        control_api._api.cache_clear()


def ask(
    method: str, path: str, body: Any = None, by: str = ANN, key: str | None = None
) -> tuple[int, dict[str, Any]]:
    """What the function answers to a caller whom API Gateway has authenticated."""
    headers = [("Idempotency-Key", key)] if key else []
    sent = b"" if body is None else json.dumps(body).encode()
    event = proxy_event(method, path, headers, sent, "10.0.0.1")
    event["requestContext"]["identity"]["userArn"] = by
    answer = control_api.handler(event, Context())
    return answer["statusCode"], json.loads(answer["body"])


def executions(machine: str) -> list[dict[str, Any]]:
    found = boto3.client("stepfunctions").list_executions(stateMachineArn=f"{PREFIX}{machine}")
    return list(found["executions"])


def test_a_job_is_an_execution_that_its_key_starts_once(ledger: Ledger) -> None:
    status, made = ask("POST", "/jobs/materialize", {"view": "paying"}, key="k1")
    assert (status, made["status"], made["by"]) == (202, "running", ANN)
    assert ask("POST", "/jobs/materialize", {"view": "paying"}, key="k1")[1]["id"] == made["id"]
    [execution] = executions("refresh")
    assert made["id"] == f"refresh.{execution['name']}"
    client = boto3.client("stepfunctions")
    told = client.describe_execution(executionArn=execution["executionArn"])
    assert json.loads(told["input"]) == {"view": "paying", "by": ANN}
    # Stopped by somebody else, of whom the ledger hears nothing.
    client.stop_execution(executionArn=execution["executionArn"])
    [run] = ask("GET", "/runs?kind=materialize")[1]["runs"]
    assert run["status"] == "interrupted"
    again = ask("POST", f"/runs/{made['id']}/retry")[1]
    assert again["retries"] == made["id"]
    assert ask("POST", f"/runs/{again['id']}/cancel")[1]["status"] == "cancelled"
    assert {each["status"] for each in executions("refresh")} == {"ABORTED"}
    status, refused = ask("POST", "/jobs/ingest", {"files": ["s3://bucket/a.csv"]})
    assert (status, refused["error"]["message"].partition(":")[0]) == (422, "state machine ingest")


def test_a_promotion_is_a_rebuild_by_its_approver(ledger: Ledger) -> None:
    for release in ("credit_risk-a1", "credit_risk-b2"):
        ledger.add_release("credit_risk", release, {}, {}, "s3://releases", None)
    first = ledger.promote("credit_risk", "credit_risk-a1", None, "promote", False, None, None, "x")
    path = "/releases/credit_risk-b2/promote"
    assert ask("POST", path)[0] == 403
    status, made = ask("POST", path, by=BOB)
    assert (status, made["run"].partition(".")[0]) == (200, "rebuild-credit_risk")
    [execution] = executions("rebuild-credit_risk")
    client = boto3.client("stepfunctions")
    told = client.describe_execution(executionArn=execution["executionArn"])
    assert json.loads(told["input"]) == {
        "model": "credit_risk",
        "release": "credit_risk-b2",
        "by": BOB,
    }
    ledger.promote("credit_risk", "credit_risk-b2", first.number, "promote", False, None, None, "x")
    back = ask("POST", "/models/credit_risk/rollback", by=BOB)[1]
    assert (back["release"], back["action"]) == ("credit_risk-a1", "rollback")


def test_a_schedule_of_the_deployment_is_changed_and_paused(ledger: Ledger) -> None:
    client = boto3.client("scheduler")
    client.create_schedule(
        Name="shop-refresh",
        ScheduleExpression="cron(0 2 * * ? *)",
        ScheduleExpressionTimezone="Europe/Berlin",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": f"{PREFIX}refresh", "RoleArn": ROLE, "Input": "{}"},
    )
    put = {"cron": "30 3 * * 1-5", "paused": True, "parameters": {"views": ["paying"]}}
    status, changed = ask("PUT", "/schedules/refresh", put)
    assert (status, changed["cron"], changed["paused"]) == (200, "30 3 ? * 2-6 *", True)
    assert ask("GET", "/schedules")[1]["schedules"] == [{**changed, "by": None}]
    found = client.get_schedule(Name="shop-refresh")
    assert (found["State"], found["ScheduleExpressionTimezone"]) == ("DISABLED", "Europe/Berlin")
    assert found["Target"]["RoleArn"] == ROLE
    assert ask("PUT", "/schedules/other", put)[0] == 404
    nightly = {"cron": "0 2 * * *", "parameters": {"model": "credit_risk"}}
    made = ask("PUT", "/schedules/train.nightly", nightly)[1]
    assert (made["cron"], made["paused"]) == ("0 2 * * ? *", False)
    kept = client.get_schedule(Name="shop-train.nightly")
    assert (kept["Target"]["Arn"], kept["Target"]["RoleArn"]) == (f"{PREFIX}train", ROLE)
    given = {"model": "credit_risk", "by": "schedule train.nightly"}
    assert json.loads(kept["Target"]["Input"]) == given
    assert kept["ScheduleExpressionTimezone"] == "Europe/Berlin"
    wrong = {**nightly, "parameters": {"model": "other"}}
    status, refused = ask("PUT", "/schedules/train.weekly", wrong)
    assert (status, refused["error"]["field"]) == (422, "parameters.model")


def test_days_of_the_week_are_counted_as_each_side_counts_them() -> None:
    assert aws_cron("0 2 * * 0,6") == "0 2 ? * 1,7 *"
    assert aws_cron("0 2 * * 7") == "0 2 ? * 1 *"
    assert aws_cron("*/5 * 1 * *") == "*/5 * 1 * ? *"
    with pytest.raises(RequestError, match="only one of them"):
        aws_cron("0 2 1 * 1")


def test_the_document_and_the_console_are_beside_it(ledger: Ledger) -> None:
    status, document = ask("GET", "/openapi.json")
    assert (status, document["info"]["title"]) == (200, "Hindcast control")
    page = control_api.handler(proxy_event("GET", "/console", [], b"", "10.0.0.1"), Context())
    assert "<title>Hindcast</title>" in page["body"]
