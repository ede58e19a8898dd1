"""The control API on AWS: signed by IAM, behind the firewall, and over this deployment alone."""

import json

from hindcast import names
from tests.infra.resources import Template, listed, properties, statements, text

Stacks = dict[str, Template]
STACK = "hindcast-production-orchestration"


def allowed(stacks: Stacks) -> dict[str, set[str]]:
    """Actions of the function's role -> what they are allowed on."""
    found: dict[str, set[str]] = {}
    for name, resource in stacks[STACK]["Resources"].items():
        if name.startswith("ControlFunctionRole"):
            for statement in statements(resource):
                for action in listed(statement["Action"]):
                    targets = listed(statement.get("Resource", []))
                    found.setdefault(action, set()).update(map(text, targets))
    return found


def test_every_method_is_signed_by_iam(stacks: Stacks) -> None:
    methods = properties(stacks[STACK], "AWS::ApiGateway::Method")
    assert {method["AuthorizationType"] for method in methods} == {"AWS_IAM"}
    assert {method["HttpMethod"] for method in methods} == {"GET", "ANY"}


def test_its_stage_is_logged_limited_and_behind_the_firewall(stacks: Stacks) -> None:
    [stage] = properties(stacks[STACK], "AWS::ApiGateway::Stage")
    assert stage["AccessLogSetting"]["DestinationArn"]
    [every] = stage["MethodSettings"]
    assert every["ThrottlingRateLimit"] > 0
    assert every["DataTraceEnabled"] is False
    [association] = properties(stacks[STACK], "AWS::WAFv2::WebACLAssociation")
    assert "/stages/" in text(association["ResourceArn"])


def test_it_reaches_the_machines_schedules_and_secrets_of_its_deployment_alone(
    stacks: Stacks,
) -> None:
    may = allowed(stacks)
    machines = {arn.rpartition(":")[2] for arn in may["states:StartExecution"]}
    assert all("Machine" in machine or "production-" in machine for machine in machines)
    for action in ("states:StopExecution", "scheduler:UpdateSchedule"):
        assert all("hindcast-production-" in arn for arn in may[action]), action
    assert all("/production/*" in arn for arn in may["secretsmanager:CreateSecret"])
    [passed] = may["iam:PassRole"]
    assert "SchedulesRole" in passed
    assert not {action for action in may if action.startswith("s3:Put")}


def test_it_knows_the_machines_and_nobody_unless_the_deployment_says_so(stacks: Stacks) -> None:
    functions = properties(stacks[STACK], "AWS::Lambda::Function")
    name = "hindcast-production-control-api"
    given = next(one for one in functions if one["FunctionName"] == name)["Environment"][
        "Variables"
    ]
    assert text(given[names.ENV_MACHINES]).endswith(":stateMachine:hindcast-production-")
    assert json.loads(given[names.ENV_ROLES]) == {}
