"""A machine's role allows what its definition does, and nothing beside that."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.constructs.definitions import FOLDER
from tests.infra.resources import Template, listed, of_type, statements

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


@pytest.mark.parametrize("machine", ["refresh", "rebuild"])
def test_a_machine_may_do_what_it_does(stacks: dict[str, Template], machine: str) -> None:
    definition = json.loads((FOLDER / f"{machine}.asl.json").read_text())
    done = set[str]().union(*(TASKS[task] for task in tasks(definition)))
    policies = of_type(stacks["hindcast-production-orchestration"], "AWS::IAM::Policy")
    allowed = {
        action
        for name, policy in policies.items()
        if name.startswith(f"{machine.capitalize()}Role")
        for statement in statements(policy)
        for action in listed(statement["Action"])
    }
    assert allowed - ALWAYS == done
