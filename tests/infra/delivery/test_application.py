"""Application code is pushed without templates, after the database is as it needs it."""

import json
from typing import Any

import pytest

from infra.config import STAGING
from infra.delivery import application, migrate
from infra.delivery.step import DeliveryError, Variables
from tests.infra.delivery.conftest import VERSION, Calls, client, shown, stack
from tests.infra.delivery.permissions import ACCOUNT, REGION, refused
from tests.infra.deployments import ACCESS_STACK
from tests.infra.resources import Template
from tests.orchestration.aws import Functions, refusal

REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
FUNCTION = STAGING.named("migrate")


def test_features_and_models_take_the_version_and_keep_the_rest(
    stacks: dict[str, Template], aws: Calls, variables: Variables
) -> None:
    for capability in ("features", "models"):
        stack(capability, "older")
    aws.calls.clear()
    application.run(variables)
    assert refused(stacks[ACCESS_STACK], "Deliveryapplication", aws.calls) == []
    for capability in ("features", "models"):
        assert shown(capability) == VERSION
        [found] = client("cloudformation").describe_stacks(StackName=STAGING.named(capability))[
            "Stacks"
        ]
        assert {"ParameterKey": "Other", "ParameterValue": "other"} in found["Parameters"]


def test_a_version_that_is_there_is_not_deployed_again(aws: Calls, variables: Variables) -> None:
    for capability in ("features", "models"):
        stack(capability, VERSION)
    application.run(variables)
    assert aws.made("cloudformation", "UpdateStack") == []


def test_an_update_that_fails_says_why(
    stacks: dict[str, Template], aws: Calls, variables: Variables
) -> None:
    stack("features", "older")
    events = [
        {"LogicalResourceId": "Job", "ResourceStatus": "UPDATE_ROLLBACK_COMPLETE"},
        {
            "LogicalResourceId": "Job",
            "ResourceStatus": "UPDATE_FAILED",
            "ResourceStatusReason": "there is no such script",
        },
    ]
    aws.fakes["cloudformation", "DescribeStackEvents"] = lambda given: {"StackEvents": events}
    before = client("cloudformation").describe_stacks(StackName=STAGING.named("features"))
    after = json.loads(json.dumps(before, default=str))
    after["Stacks"][0]["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE"
    answers = iter([before, after])
    aws.fakes["cloudformation", "DescribeStacks"] = lambda given: next(answers)
    aws.calls.clear()
    with pytest.raises(DeliveryError, match="did not take version 0123abcd: Job: there is no such"):
        application.run(variables)
    assert refused(stacks[ACCESS_STACK], "Deliveryapplication", aws.calls) == []


@pytest.fixture
def function(aws: Calls) -> list[Any]:
    """The migrate function in an older version; what it was asked, and in which version."""
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    client("iam").create_role(RoleName="any", AssumeRolePolicyDocument=document)
    client("lambda").create_function(
        FunctionName=FUNCTION,
        Role=f"arn:aws:iam::{ACCOUNT}:role/any",
        PackageType="Image",
        Code={"ImageUri": f"{REGISTRY}/{STAGING.named('control')}:older"},
    )
    asked: list[Any] = []

    def handler(event: Any, context: Any) -> Any:
        code = client("lambda").get_function(FunctionName=FUNCTION)["Code"]["ImageUri"]
        asked.append((event, code))
        return {"migrated": True}

    aws.fakes["lambda", "Invoke"] = Functions({FUNCTION: handler}).invoke
    aws.calls.clear()
    return asked


def test_the_new_versions_code_migrates(
    stacks: dict[str, Template], aws: Calls, function: list[Any], variables: Variables
) -> None:
    migrate.run(variables)
    code = f"{REGISTRY}/hindcast-staging-control:{VERSION}"
    assert function == [({"action": "migrate"}, code)]
    made = [call for call in aws.calls if call[1] != "GetFunction"]
    made += [
        ("ecr", action, {"repositoryName": STAGING.named("control")})
        for action in ("BatchGetImage", "GetDownloadUrlForLayer")
    ]
    assert refused(stacks[ACCESS_STACK], "Deliverymigrate", made) == []


def test_a_migration_that_fails_stops_the_delivery(
    aws: Calls, function: list[Any], variables: Variables
) -> None:
    def handler(event: Any, context: Any) -> Any:
        raise LookupError("no table 'runs'")

    aws.fakes["lambda", "Invoke"] = Functions({FUNCTION: handler}).invoke
    with pytest.raises(DeliveryError, match="migrate failed: LookupError: no table 'runs'"):
        migrate.run(variables)


def test_a_migration_is_asked_for_once(
    aws: Calls, function: list[Any], variables: Variables
) -> None:
    def away(given: Any) -> Any:
        raise refusal("ServiceException", "away", "Invoke", 500)

    aws.fakes["lambda", "Invoke"] = away
    with pytest.raises(Exception, match="away"):
        migrate.run(variables)
    assert len(aws.made("lambda", "Invoke")) == 1
    assert migrate.PATIENT.read_timeout > 900
