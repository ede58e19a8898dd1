"""Least privilege: no wildcard action; a wildcard resource only with a written reason."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any
from unittest.mock import ANY

import pytest

from infra.permissions import SILENT
from tests.infra.deployments import DELIVERY_STACK, MARKET, MODELS, STACKS
from tests.infra.resources import Template, listed, of_type, reasons, statements, text

Stacks = dict[str, Template]
# What the CDK writes into a key's policy itself: IAM of the account decides who uses it, and
# Secrets Manager uses it on behalf of those whom IAM lets.
KEY_ACTIONS = {"kms:*", "kms:GenerateDataKey*", "kms:ReEncrypt*"}
# Their "*" is the resource that they belong to.
OWN_RESOURCE = {"AWS::KMS::Key"}
# Services that do not say for whose sake they take a role; and of CDK's own, which it writes.
NOT_SAID = {*SILENT, "vpc-flow-logs.amazonaws.com", "apigateway.amazonaws.com"}


def granted(template: Template) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """But what an endpoint lets out, which grants nothing (tests/infra/test_storage.py)."""
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::EC2::VPCEndpoint":
            continue
        for statement in statements(resource):
            if statement["Effect"] == "Allow":
                yield name, resource, statement


@pytest.mark.parametrize("stack", [*STACKS, DELIVERY_STACK])
def test_no_action_is_a_wildcard(stacks: Stacks, stack: str) -> None:
    for name, resource, statement in granted(stacks[stack]):
        for action in listed(statement["Action"]):
            in_key = resource["Type"] == "AWS::KMS::Key" and action in KEY_ACTIONS
            assert "*" not in action or in_key, f"{stack}/{name}: {action}"


@pytest.mark.parametrize("stack", [*STACKS, DELIVERY_STACK])
def test_a_wildcard_resource_has_a_written_reason(stacks: Stacks, stack: str) -> None:
    for name, resource, statement in granted(stacks[stack]):
        if resource["Type"] in OWN_RESOURCE:
            continue
        written = reasons(resource)
        for target in listed(statement.get("Resource", [])):
            if "*" not in text(target) or "Principal" in statement:
                continue
            finding = f"AwsSolutions-IAM5[Resource::{text(target)}]"
            assert len(written.get(finding, "")) > 15, f"{stack}/{name}: {finding}"


@pytest.mark.parametrize("stack", [*STACKS, DELIVERY_STACK])
def test_whoever_is_let_in_from_outside_is_named(stacks: Stacks, stack: str) -> None:
    for name, _, statement in granted(stacks[stack]):
        principals = statement.get("Principal", {})
        assert principals not in ("*", {"AWS": "*"}), f"{stack}/{name}: everybody"


@pytest.mark.parametrize("stack", [stack for stack in STACKS if not stack.endswith("-access")])
def test_each_role_is_of_one_service(stacks: Stacks, stack: str) -> None:
    for role in of_type(stacks[stack], "AWS::IAM::Role").values():
        (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        service = trust["Principal"]["Service"]
        assert isinstance(service, str)
        own = {"StringEquals": {"aws:SourceAccount": ANY}}
        assert trust.get("Condition") == (None if service in NOT_SAID else own), service


def test_predict_can_read_the_store_and_nothing_else(stacks: Stacks) -> None:
    allowed = {
        action
        for name, _, statement in granted(stacks["hindcast-production-models"])
        if name.startswith("FunctionsPredict")
        for action in listed(statement["Action"])
    }
    assert {action.split(":")[0] for action in allowed} == {
        "logs",
        "ec2",
        "xray",
        "kms",
        "rds-db",
        "secretsmanager",  # The keys that it tags lines by.
    }


@pytest.mark.parametrize(("model", "other"), [MODELS, MODELS[::-1]])
def test_a_release_image_is_made_of_its_models_releases_in_its_models_repository(
    stacks: Stacks, model: str, other: str
) -> None:
    role = f"ReleaseImage{model.replace('-', '')}Step"
    reached = {
        text(target)
        for name, _, statement in granted(stacks[f"{MARKET.prefix}-models"])
        if name.startswith(role)
        for target in listed(statement["Resource"])
    }
    repositories = {one.rpartition("/")[2] for one in reached if ":repository/" in one}
    assert repositories == {MARKET.of_model("predict", model)}
    read = [one.partition("/")[2] for one in reached if ":s3:::" in one]
    released = {name: f"models/{name}-0123456789ab/model.onnx" for name in MODELS}
    assert any(fnmatchcase(released[model], pattern) for pattern in read)
    assert not any(fnmatchcase(released[other], pattern) for pattern in read)


def reached_by(function: str, stacks: Stacks) -> dict[str, set[str]]:
    """Of a function, its actions -> the paths in buckets that they reach."""
    reached: dict[str, set[str]] = {}
    for name, _, statement in granted(stacks["hindcast-production-models"]):
        if name.startswith(f"Functions{function}"):
            for target in listed(statement["Resource"]):
                path = text(target).partition("/")[2] if ":s3:" in text(target) else ""
                for action in listed(statement["Action"]):
                    reached.setdefault(action, set()).add(path)
    return reached


def test_ingest_reads_what_came_and_writes_two_tables(stacks: Stacks) -> None:
    reached = reached_by("Ingest", stacks)
    assert reached["s3:GetObjectVersion"] == {"incoming/*"}
    assert reached["s3:GetObject"] == {"incoming/*", "raw/*", "quarantine/*"}
    assert reached["s3:PutObject"] == {"raw/*", "quarantine/*"}
    assert {action for action in reached if action.startswith("s3:Delete")} == set()
    assert {"sqs:SendMessage", "rds-db:connect"} <= set(reached)
    assert "secretsmanager:GetSecretValue" not in reached


def test_drift_writes_the_pages_of_its_checks_and_nothing_else(stacks: Stacks) -> None:
    reached = reached_by("Drift", stacks)
    assert reached["s3:PutObject"] == {"reports/drift/*"}
    assert not any(path.startswith("reports") for path in reached["s3:GetObject"])


def test_only_the_migration_reads_the_administrators_secret(stacks: Stacks) -> None:
    readers = {
        name
        for name, _, statement in granted(stacks["hindcast-production-models"])
        if "secretsmanager:GetSecretValue" in listed(statement["Action"])
        and "MasterUserSecret" in str(statement["Resource"])
    }
    assert all(name.startswith("FunctionsMigrate") for name in readers)
    assert len(readers) == 1


def test_nothing_of_a_bucket_is_deleted_but_features_and_waiting_chunks(stacks: Stacks) -> None:
    """They can be computed again; raw events, logged answers and releases cannot."""
    deleting = {
        text(target)
        for stack in STACKS
        for name, resource, statement in granted(stacks[stack])
        if resource["Type"] == "AWS::IAM::Policy"
        and {"s3:DeleteObject", "s3:DeleteObjectVersion"} & set(listed(statement["Action"]))
        for target in listed(statement["Resource"])
    }
    assert deleting
    again = ("/features/*", "/batches/*")
    assert {target for target in deleting if not target.endswith(again)} == set()


def test_only_the_training_job_lends_the_key_to_its_machine(stacks: Stacks) -> None:
    """SageMaker encrypts the volume by a grant that it makes in the name of the job's role."""
    lending = {
        name: [text(target) for target in listed(statement["Resource"])]
        for name, _, statement in granted(stacks["hindcast-production-models"])
        if "kms:CreateGrant" in listed(statement["Action"])
    }
    assert len(lending) == 1
    [(name, targets)] = lending.items()
    assert name.startswith("TrainingJob")
    assert all("EncryptionKey" in target for target in targets)
