"""The check of calls against roles finds what a role does not allow."""

from tests.infra.delivery.permissions import refused
from tests.infra.deployments import ACCESS_STACK
from tests.infra.resources import Template


def test_another_action_and_another_resource_are_found(stacks: dict[str, Template]) -> None:
    calls = [
        ("lambda", "Invoke", {"FunctionName": "hindcast-staging-migrate"}),
        ("lambda", "Invoke", {"FunctionName": "hindcast-production-migrate"}),
        ("lambda", "DeleteFunction", {"FunctionName": "hindcast-staging-migrate"}),
        ("sts", "GetCallerIdentity", {}),
    ]
    place = "arn:aws:lambda:eu-west-1:123456789012:function"
    assert refused(stacks[ACCESS_STACK], "Deliverymigrate", calls) == [
        f"lambda:DeleteFunction on {place}:hindcast-staging-migrate",
        f"lambda:InvokeFunction on {place}:hindcast-production-migrate",
    ]
