"""Whether the role of a step allows each call that the step made."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from infra.config import PIPELINE_ACCOUNT, STAGING_ACCOUNT
from tests.infra.resources import Template, listed, of_type, statements, text

ACCOUNT, REGION = "123456789012", "eu-west-1"
Call = tuple[str, str, dict[str, Any]]

# What IAM calls a call, where it is not the service's and the operation's name.
ACTIONS = {
    ("lambda", "Invoke"): "lambda:InvokeFunction",
    ("s3", "PutObject"): "s3:PutObject",
    ("apigateway", "GetRestApis"): "apigateway:GET",
    ("apigateway", "GetStage"): "apigateway:GET",
    ("apigateway", "GetApiKeys"): "apigateway:GET",
}
PREFIXES = {"stepfunctions": "states"}
# Everybody may ask who they are.
FREE = {("sts", "GetCallerIdentity")}


def refused(template: Template, role: str, calls: list[Call]) -> list[str]:
    """The calls that the policies of a role do not allow; a role is named by its logical id."""
    allowed = list(_allowed(template, role))
    asked = {
        (action(service, operation), resource(service, operation, given))
        for service, operation, given in calls
        if (service, operation) not in FREE
    }
    return [
        f"{name} on {arn}"
        for name, arn in sorted(asked)
        if not any(name == one and fnmatchcase(arn, pattern) for one, pattern in allowed)
    ]


def action(service: str, operation: str) -> str:
    default = f"{PREFIXES.get(service, service)}:{operation}"
    return ACTIONS.get((service, operation), default)


def resource(service: str, operation: str, given: dict[str, Any]) -> str:
    """The ARN of what a call is about; "*" where it is about nothing that has one."""
    place = f"{REGION}:{ACCOUNT}"
    if service == "lambda":
        return f"arn:aws:lambda:{place}:function:{given['FunctionName']}"
    if service == "stepfunctions":
        return str(given.get("stateMachineArn") or given["executionArn"])
    if service == "cloudformation":
        return f"arn:aws:cloudformation:{place}:stack/{given['StackName']}/an-id"
    if service == "s3":
        return f"arn:aws:s3:::{given['Bucket']}/{given['Key']}"
    if service == "ecr" and "repositoryName" in given:
        return f"arn:aws:ecr:{place}:repository/{given['repositoryName']}"
    if service == "execute-api":
        return f"arn:aws:execute-api:{place}:{given['path']}"
    if service == "apigateway":
        stage = f"/{given.get('restApiId')}/stages/{given.get('stageName')}"
        paths = {"GetApiKeys": "/apikeys", "GetRestApis": "/restapis"}
        return f"arn:aws:apigateway:{REGION}::{paths.get(operation, '/restapis' + stage)}"
    return "*"


def _allowed(template: Template, role: str) -> Iterator[tuple[str, str]]:
    known = {"<AWS::Partition>": "aws", "<AWS::AccountId>": ACCOUNT, "<AWS::Region>": REGION}
    # The tests' calls are all in one account.
    known |= dict.fromkeys((PIPELINE_ACCOUNT, STAGING_ACCOUNT), ACCOUNT)
    for name, policy in of_type(template, "AWS::IAM::Policy").items():
        if not re.match(f"{role}(Role)?DefaultPolicy", name):
            continue
        for statement in statements(policy):
            for target in listed(statement["Resource"]):
                arn = text(target)
                for pseudo, value in known.items():
                    arn = arn.replace(pseudo, value)
                yield from ((one, arn) for one in listed(statement["Action"]))
