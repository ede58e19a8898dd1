"""A machine's role allows what its definition does, and nothing beside that."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from infra.constructs.definitions import FOLDER
from infra.constructs.jobs import JOBS
from tests.infra.deployments import MARKET, MODELS
from tests.infra.resources import Template, listed, of_type, statements, text

# The roles of the machines of two models, as their logical ids begin.
ROLES = {model: f"Rebuild{model.replace('-', '')}" for model in MODELS}

# What IAM calls a task's doing, and the waiting for its end.
TASKS = {
    "lambda:invoke": {"lambda:InvokeFunction"},
    "sns:publish": {"sns:Publish"},
    "glue:startJobRun.sync": {
        "glue:StartJobRun",
        "glue:GetJobRun",
        "glue:GetJobRuns",
        "glue:BatchStopJobRun",
    },
    "codebuild:startBuild.sync": {
        "codebuild:StartBuild",
        "codebuild:StopBuild",
        "codebuild:BatchGetBuilds",
        "events:PutTargets",
        "events:PutRule",
        "events:DescribeRule",
    },
    "sagemaker:createTrainingJob.sync": {
        "sagemaker:CreateTrainingJob",
        "sagemaker:DescribeTrainingJob",
        "sagemaker:StopTrainingJob",
        "sagemaker:AddTags",
        "iam:PassRole",
        "events:PutTargets",
        "events:PutRule",
        "events:DescribeRule",
    },
    "aws-sdk:apigateway:getStage": {"apigateway:GET"},
    "aws-sdk:apigateway:updateStage": {"apigateway:PATCH"},
    "aws-sdk:cloudwatch:describeAlarms": {"cloudwatch:DescribeAlarms"},
    "aws-sdk:cloudwatch:getMetricData": {"cloudwatch:GetMetricData"},
    "aws-sdk:lambda:addPermission": {"lambda:AddPermission"},
    "aws-sdk:lambda:getFunction": {"lambda:GetFunction"},
    "aws-sdk:lambda:getFunctionConfiguration": {"lambda:GetFunctionConfiguration"},
    "aws-sdk:lambda:publishVersion": {"lambda:PublishVersion"},
    "aws-sdk:lambda:updateFunctionCode": {
        "lambda:UpdateFunctionCode",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    },
    "aws-sdk:sfn:describeExecution": {"states:DescribeExecution"},
}
# Logs and traces that Step Functions writes, and the key of the topic.
ALWAYS = {
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
}


def tasks(document: Any) -> Iterator[str]:
    """Every task's resource, in whatever branch it is."""
    if isinstance(document, dict):
        if document.get("Type") == "Task":
            yield document["Resource"].removeprefix("arn:aws:states:::")
        for value in document.values():
            yield from tasks(value)
    elif isinstance(document, list):
        for value in document:
            yield from tasks(value)


@pytest.mark.parametrize("machine", ["refresh", "rebuild", *JOBS])
def test_a_machine_may_do_what_it_does(stacks: dict[str, Template], machine: str) -> None:
    definition = json.loads((FOLDER / f"{machine}.asl.json").read_text())
    done = set[str]().union(*(TASKS[task] for task in tasks(definition)))
    allowed = {
        action
        for role in (ROLES.values() if machine == "rebuild" else [_role(machine)])
        for statement in granted(stacks, role)
        for action in listed(statement["Action"])
    }
    assert allowed - ALWAYS == done


def _role(machine: str) -> str:
    """How the role's logical id begins."""
    return f"{'Jobs' if machine in JOBS else ''}{machine.capitalize()}"


def granted(stacks: dict[str, Template], role: str) -> Iterator[dict[str, Any]]:
    """Every statement of a machine's policies in the deployment of two models."""
    policies = of_type(stacks[f"{MARKET.prefix}-orchestration"], "AWS::IAM::Policy")
    for name, policy in policies.items():
        if re.match(rf"{role}(Machine)?Role", name):
            yield from statements(policy)


@pytest.mark.parametrize(("model", "other"), [MODELS, MODELS[::-1]])
def test_a_models_machine_reaches_nothing_that_is_another_models(
    stacks: dict[str, Template], model: str, other: str
) -> None:
    allowed = granted(stacks, ROLES[model])
    targets = {text(target) for one in allowed for target in listed(one["Resource"])}

    def reached(resource: str) -> bool:
        return any(reaches(target, resource) for target in targets)

    assert [one for one in belongings(model) if not reached(one)] == []
    assert [one for one in belongings(other) if reached(one)] == []


def belongings(model: str) -> list[str]:
    """What a model has to itself, as IAM names it; an instance of each."""
    named = MARKET.of_model
    place = f"{MARKET.region}:{MARKET.account}"
    return [
        f":lambda:{place}:function:{named('predict', model)}",
        f":lambda:{place}:function:{named('predict', model)}:7",
        f":ecr:{place}:repository/{named('predict', model)}",
        f":codebuild:{place}:project/{named('release-image', model)}",
        f":states:{place}:execution:{named('rebuild', model)}:sunday",
        f":sagemaker:{place}:training-job/{MARKET.named(model)}--sunday",
        f"/stages/{model}",
    ]


def reaches(target: str, resource: str) -> bool:
    """Whether a policy's resource covers one, whatever the API's id; "*" is what has no ARN."""
    pattern = target.rpartition("<AWS::Partition>")[2]
    return target != "*" and (fnmatchcase(resource, pattern) or pattern.endswith(resource))
