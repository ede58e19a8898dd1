"""Templates are deployed beside a version that runs, and never while anything rolls out."""

import json
import time

import pytest

from infra.config import CAPABILITIES, STAGING
from infra.delivery import cdk, infrastructure
from infra.delivery.step import DeliveryError, Variables
from tests.infra.delivery.conftest import Calls, Commands, client, machine, machine_arn, stack
from tests.infra.delivery.permissions import refused
from tests.infra.deployments import ACCESS_STACK
from tests.infra.resources import Template
from tests.orchestration.stage import Stage

ROLE = "Deliveryinfrastructure"
SECONDS_TO_END = 60


def parameters(noted: str) -> set[str]:
    words = noted.split()
    return {words[place + 1] for place, word in enumerate(words) if word == "--parameters"}


def test_the_first_time_the_application_is_of_this_version(
    aws: Calls, commands: Commands, variables: Variables
) -> None:
    infrastructure.run(variables)
    installed, noted = commands.noted
    stacks = [f"hindcast-staging-{capability}" for capability in CAPABILITIES]
    assert " ci --prefix " in installed
    assert f"node {cdk.CLI} deploy " in noted
    assert f" deploy {' '.join(stacks)} --app cdk.out --require-approval never " in noted
    assert parameters(noted) == {
        "hindcast-staging-features:ApplicationVersion=0123abcd",
        "hindcast-staging-models:ApplicationVersion=0123abcd",
    }


def test_later_the_application_and_what_serves_stay(
    stacks: dict[str, Template], aws: Calls, stage: Stage, commands: Commands, variables: Variables
) -> None:
    stack("features", "newer")
    stack("models", "older")
    stage.document["variables"]["predictVersion"] = "7"
    aws.calls.clear()
    infrastructure.run(variables)
    assert parameters(commands.noted[-1]) == {
        "hindcast-staging-features:ApplicationVersion=newer",
        "hindcast-staging-models:ApplicationVersion=older",
        "hindcast-staging-api:LiveVersionOfCreditrisk=7",
        "hindcast-staging-api:LiveVersionOfLatepayment=7",
    }
    assert refused(stacks[ACCESS_STACK], ROLE, aws.calls) == []


def test_a_canary_on_the_stage_is_in_the_way(
    aws: Calls, stage: Stage, commands: Commands, variables: Variables
) -> None:
    stage.document["canarySettings"] = {"percentTraffic": 5.0}
    with pytest.raises(DeliveryError, match="a canary is on the stage 'credit_risk' of hindcast-"):
        infrastructure.run(variables)
    assert commands.noted == []


def test_a_rebuild_under_way_is_in_the_way(
    aws: Calls, stage: Stage, commands: Commands, variables: Variables
) -> None:
    """Of the second model: the first is held by then, and let go."""
    refused = {"Type": "Fail", "Error": "AlreadyRunning", "Cause": "sunday is under way"}
    machine({"StartAt": "Refused", "States": {"Refused": refused}}, STAGING.models[1])
    with pytest.raises(DeliveryError, match="sunday is under way: try again when it has ended"):
        infrastructure.run(variables, pause=lambda seconds: None)
    assert commands.noted == []
    assert outcomes(STAGING.models[0]) == ["ABORTED"]


def statuses(model: str) -> list[str]:
    """What became of a machine's executions."""
    arn = machine_arn(model)
    found = client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
    return [one["status"] for one in found]


def outcomes(model: str) -> list[str]:
    """As `statuses`, once the interpreter has ended what it was told to stop."""
    deadline = time.monotonic() + SECONDS_TO_END
    while "RUNNING" in (found := statuses(model)):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def test_no_rebuild_starts_while_templates_are_deployed(
    aws: Calls,
    stage: Stage,
    commands: Commands,
    variables: Variables,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that promoted meanwhile would be set back to the version that was read before."""
    held: list[list[str]] = []
    monkeypatch.setattr(
        cdk, "deploy", lambda *given: held.extend(statuses(model) for model in STAGING.models)
    )
    infrastructure.run(variables)
    assert held == [["RUNNING"]] * len(STAGING.models)
    assert [outcomes(model) for model in STAGING.models] == [["ABORTED"]] * len(STAGING.models)
    asked = {json.dumps(one["input"]) for one in aws.made("stepfunctions", "StartExecution")}
    assert asked == {json.dumps(json.dumps({"hold": 3600}))}


def test_a_deployment_that_fails_fails_the_step(
    aws: Calls, commands: Commands, variables: Variables
) -> None:
    commands.fail("node")
    with pytest.raises(DeliveryError, match=r"npm-cli.js ci .* failed with exit code 1"):
        infrastructure.run(variables)
