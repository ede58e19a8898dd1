"""Permissions: every wildcard in one has a written reason, which cdk-nag reads as well."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from hindcast import names

# What IAM cannot narrow for functions and jobs in a VPC.
NETWORK_REASON = "EC2 gives Describe actions and a new network interface no ARN to name beforehand."
# They do not say for whose sake they take a role: a condition would keep them out.
SILENT = ("lambda.amazonaws.com", "events.amazonaws.com", "rds.amazonaws.com", "s3.amazonaws.com")
TRACE_REASON = "X-Ray's actions know no resources."


def role(
    scope: Construct, id: str, service: str, description: str, name: str | None = None
) -> iam.Role:
    """A role without any permission, for one service, and for what it does for this account."""
    principal: iam.PrincipalBase = iam.ServicePrincipal(service)
    if service not in SILENT:
        own = {"StringEquals": {"aws:SourceAccount": cdk.Stack.of(scope).account}}
        principal = principal.with_conditions(own)
    return iam.Role(scope, id, assumed_by=principal, description=description, role_name=name)


def allow(
    to: iam.Role,
    actions: Sequence[str],
    resources: Sequence[str],
    reason: str | None = None,
    conditions: Mapping[str, Any] | None = None,
) -> None:
    """Allow actions on resources; raises ValueError for a wildcard without a reason.

    An action is never a wildcard: name what is used.
    """
    for action in actions:
        if "*" in action:
            raise ValueError(f"{to.node.path}: action {action}: name each action")
    wild = [resource for resource in resources if "*" in flat(to, resource)]
    if wild and not reason:
        raise ValueError(f"{to.node.path}: resource {wild[0]}: a wildcard needs a reason")
    to.add_to_policy(
        iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions)
    )
    for resource in wild:
        acknowledge(to, reason or "", f"AwsSolutions-IAM5[Resource::{flat(to, resource)}]")


def allow_network(to: iam.Role) -> None:
    """Let a function in a VPC make and drop its network interfaces."""
    actions = (
        "CreateNetworkInterface",
        "DeleteNetworkInterface",
        "DescribeNetworkInterfaces",
        "DescribeSubnets",
        "AssignPrivateIpAddresses",
        "UnassignPrivateIpAddresses",
    )
    allow(to, [f"ec2:{action}" for action in actions], ["*"], NETWORK_REASON)


def allow_traces(to: iam.Role) -> None:
    """Let a function or machine write its traces."""
    allow(to, ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"], TRACE_REASON)


def allow_read(to: iam.Role, bucket_arn: str, *paths: str) -> None:
    """Let a role read what is below paths of a bucket."""
    _allow_objects(to, bucket_arn, paths, ["s3:GetObject"])


def allow_write(to: iam.Role, bucket_arn: str, *paths: str) -> None:
    """Let a role read and write, not delete, what is below paths of a bucket."""
    actions = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
    _allow_objects(to, bucket_arn, paths, actions)


def _allow_objects(to: iam.Role, bucket: str, paths: Sequence[str], actions: list[str]) -> None:
    objects = [f"{bucket}/{path}/*" for path in paths]
    allow(to, actions, objects, "Objects below these paths of one bucket, whatever their names.")
    prefixes = [pattern for path in paths for pattern in (path, f"{path}/*")]
    allow(to, ["s3:ListBucket"], [bucket], conditions={"StringLike": {"s3:prefix": prefixes}})


def allow_key(to: iam.Role, key_arn: str) -> None:
    """Let a role use the deployment's key, as whatever it reads and writes is encrypted by it."""
    allow(to, ["kms:Decrypt", "kms:GenerateDataKey"], [key_arn])


def acknowledge(scope: IConstruct, reason: str, *rules: str) -> None:
    """Say why a finding of cdk-nag is right as it is."""
    cdk.Validations.of(scope).acknowledge(
        *(cdk.Acknowledgment(id=rule, reason=reason) for rule in rules)
    )


def flat(scope: Construct, value: str) -> str:
    """A value as cdk-nag writes it: references in angle brackets."""
    return _flat(cdk.Stack.of(scope).resolve(value))


def _flat(value: Any) -> str:
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator).join(_flat(part) for part in parts)
    if "Ref" in value:
        return f"<{value['Ref']}>"
    if "Fn::GetAtt" in value:
        return f"<{'.'.join(value['Fn::GetAtt'])}>"
    return str(value)


def allow_batches(to: iam.Role, lake: str) -> None:
    """Write the answers of batches, and keep chunks until a run has all of them."""
    allow_write(to, lake, names.SCORES, names.BATCHES)
    allow(
        to,
        ["s3:DeleteObject"],
        [f"{lake}/{names.BATCHES}/*"],
        "Chunks that have come to the target are dropped.",
    )


def allow_mending(to: iam.Role, lake: str) -> None:
    """Set log entries aside that came without their files, and read every table."""
    tables = (names.RAW, names.FEATURES, names.QUARANTINE, names.PREDICTIONS)
    allow_read(to, lake, names.QUARANTINE)
    allow(
        to,
        ["s3:PutObject", "s3:DeleteObject"],
        [f"{lake}/{table}/*_delta_log/*" for table in tables],
        "The logs of the tables below these paths, whatever their names.",
    )
