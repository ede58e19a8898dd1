"""Templates are deployed beside a version that runs, and never while anything rolls out."""

import pytest

from infra.delivery import infrastructure
from infra.delivery.step import DeliveryError, Variables
from tests.infra.delivery.conftest import Calls, Commands, client, machine, stack
from tests.infra.delivery.permissions import refused
from tests.infra.deployments import CAPABILITIES, DELIVERY_STACK
from tests.infra.resources import Template
from tests.orchestration.stage import Stage

ROLE = "Pipelineinfrastructurestaging"


def parameters(noted: str) -> set[str]:
    words = noted.split()
    return {words[place + 1] for place, word in enumerate(words) if word == "--parameters"}


def test_the_first_time_the_application_is_of_this_version(
    aws: Calls, commands: Commands, variables: Variables
) -> None:
    infrastructure.run(variables)
    [noted] = commands.noted
    stacks = [f"hindcast-staging-{capability}" for capability in CAPABILITIES]
    assert " --yes aws-cdk@2." in noted
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
    assert parameters(commands.noted[0]) == {
        "hindcast-staging-features:ApplicationVersion=newer",
        "hindcast-staging-models:ApplicationVersion=older",
        "hindcast-staging-api:LiveVersionOfCreditrisk=7",
        "hindcast-staging-api:LiveVersionOfLatepayment=7",
    }
    assert refused(stacks[DELIVERY_STACK], ROLE, aws.calls) == []


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
    wait = {"Type": "Wait", "Seconds": 600, "End": True}
    arn = machine({"StartAt": "Wait", "States": {"Wait": wait}})
    started = client("stepfunctions").start_execution(stateMachineArn=arn, name="sunday")
    with pytest.raises(DeliveryError, match="the rebuild sunday of hindcast-staging's credit_risk"):
        infrastructure.run(variables)
    assert commands.noted == []
    client("stepfunctions").stop_execution(executionArn=started["executionArn"])
    infrastructure.run(variables)
    assert len(commands.noted) == 1


def test_a_deployment_that_fails_fails_the_step(
    aws: Calls, commands: Commands, variables: Variables
) -> None:
    commands.fail("node")
    with pytest.raises(DeliveryError, match=r"deploy ...` failed with exit code 1"):
        infrastructure.run(variables)
