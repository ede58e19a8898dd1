"""Data and network: private, encrypted, kept; and what becomes of it when a stack goes."""

import re
from pathlib import Path
from typing import Any

import pytest

from infra.constructs.endpoints import ENDPOINTS
from tests.infra.deployments import DELIVERY_STACK, STACKS
from tests.infra.resources import Template, listed, of_type, only, properties, statements, text

ROOT = Path(__file__).parents[2]
Stacks = dict[str, Template]
TOLD = "NotificationConfiguration"
DATA = [stack for stack in STACKS if stack.endswith("-data")]
MODELS_STACKS = [stack for stack in STACKS if stack.endswith("-models")]
NETWORKS = [stack for stack in STACKS if stack.endswith("-network")]
ENCRYPTED = {
    "AWS::SNS::Topic": "KmsMasterKeyId",
    "AWS::SQS::Queue": "KmsMasterKeyId",
    "AWS::SecretsManager::Secret": "KmsKeyId",
    "AWS::RDS::DBInstance": "KmsKeyId",
    "AWS::CodeBuild::Project": "EncryptionKey",
    "AWS::Scheduler::Schedule": "KmsKeyArn",
    "AWS::ECR::Repository": "EncryptionConfiguration",
    "AWS::S3::Bucket": "BucketEncryption",
}


@pytest.mark.parametrize("stack", STACKS)
def test_everything_is_encrypted(stacks: Stacks, stack: str) -> None:
    for kind, field in ENCRYPTED.items():
        assert all(found.get(field) for found in properties(stacks[stack], kind))


@pytest.mark.parametrize("stack", STACKS)
def test_every_log_is_kept_for_a_while(stacks: Stacks, stack: str) -> None:
    days = 30 if "staging" in stack else 365
    for log in properties(stacks[stack], "AWS::Logs::LogGroup"):
        assert log["RetentionInDays"] == days


@pytest.mark.parametrize("stack", DATA)
def test_buckets_are_private_versioned_and_tidied(stacks: Stacks, stack: str) -> None:
    for bucket in properties(stacks[stack], "AWS::S3::Bucket"):
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        # What is under a lock can be neither tidied nor deleted.
        assert ("LifecycleConfiguration" in bucket) != ("ObjectLockConfiguration" in bucket)
        assert "AccessControl" not in bucket


@pytest.mark.parametrize("stack", DATA)
def test_what_is_stored_outlives_a_protected_stack(stacks: Stacks, stack: str) -> None:
    # Retained but where the stack never came to be: what it left would be in the next try's way.
    kept = "Delete" if "staging" in stack else "RetainExceptOnCreate"
    for kind in ("AWS::S3::Bucket", "AWS::ECR::Repository"):
        found = of_type(stacks[stack], kind).values()
        assert {one["DeletionPolicy"] for one in found} == {kept}
    assert only(stacks[stack], "AWS::KMS::Key")["DeletionPolicy"] == "RetainExceptOnCreate"
    assert only(stacks[stack], "AWS::RDS::DBInstance")["DeletionPolicy"] == "Snapshot"


@pytest.mark.parametrize("stack", DATA)
def test_heads_of_the_ledger_are_under_a_lock_that_nobody_lifts(stacks: Stacks, stack: str) -> None:
    locks = [
        bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
        for bucket in properties(stacks[stack], "AWS::S3::Bucket")
        if bucket.get("ObjectLockEnabled")
    ]
    strict = {"Mode": "COMPLIANCE", "Days": 3650}
    assert locks == [{"Mode": "GOVERNANCE", "Days": 1} if "staging" in stack else strict]


@pytest.mark.parametrize("stack", DATA)
def test_the_lake_alone_tells_of_its_objects(stacks: Stacks, stack: str) -> None:
    deployment = stack.removesuffix("-data")
    told = {
        text(bucket["BucketName"]).removeprefix(f"{deployment}-").split("-")[0]: bucket[TOLD]
        for bucket in properties(stacks[stack], "AWS::S3::Bucket")
        if TOLD in bucket
    }
    assert told == {"lake": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}}


@pytest.mark.parametrize("stack", DATA)
def test_what_came_in_is_left(stacks: Stacks, stack: str) -> None:
    for bucket in properties(stacks[stack], "AWS::S3::Bucket"):
        if TOLD in bucket:
            rules = bucket["LifecycleConfiguration"]["Rules"]
            expiring = [rule for rule in rules if "ExpirationInDays" in rule]
            assert [rule["Prefix"] for rule in expiring] == ["athena/"]


@pytest.mark.parametrize("stack", DATA)
def test_the_database_is_private_and_asks_for_tls_and_iam(stacks: Stacks, stack: str) -> None:
    database = only(stacks[stack], "AWS::RDS::DBInstance")["Properties"]
    assert database["PubliclyAccessible"] is False
    assert database["StorageEncrypted"] is True
    assert database["EnableIAMDatabaseAuthentication"] is True
    assert database["ManageMasterUserPassword"] is True
    assert "MasterUserPassword" not in database
    assert database["DeletionProtection"] is ("staging" not in stack)
    proxy = only(stacks[stack], "AWS::RDS::DBProxy")["Properties"]
    assert proxy["RequireTLS"] is True
    assert proxy["DefaultAuthScheme"] == "IAM_AUTH"
    assert not proxy.get("Auth")


@pytest.mark.parametrize("stack", DATA)
def test_images_are_scanned_and_go_away_in_time(stacks: Stacks, stack: str) -> None:
    for repository in properties(stacks[stack], "AWS::ECR::Repository"):
        assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
        assert "imageCountMoreThan" in repository["LifecyclePolicy"]["LifecyclePolicyText"]


@pytest.mark.parametrize("stack", DATA)
def test_eventbridge_may_use_the_key_though_it_does_not_say_for_whom(
    stacks: Stacks, stack: str
) -> None:
    key = only(stacks[stack], "AWS::KMS::Key")
    conditions = {
        service: statement.get("Condition")
        for statement in statements(key)
        for service in listed(statement["Principal"].get("Service", []))
    }
    assert conditions["events.amazonaws.com"] is None
    own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert conditions["cloudwatch.amazonaws.com"] == own


@pytest.mark.parametrize("stack", NETWORKS)
def test_the_network_has_no_way_out(stacks: Stacks, stack: str) -> None:
    kinds = {one["Type"] for one in stacks[stack]["Resources"].values()}
    assert not kinds & {"AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::Route"}
    assert not any(
        subnet.get("MapPublicIpOnLaunch")
        for subnet in properties(stacks[stack], "AWS::EC2::Subnet")
    )
    assert len(of_type(stacks[stack], "AWS::EC2::FlowLog")) == 1


@pytest.mark.parametrize("stack", NETWORKS)
def test_endpoints_take_the_way_outs_place(stacks: Stacks, stack: str) -> None:
    endpoints = properties(stacks[stack], "AWS::EC2::VPCEndpoint")
    kinds = sorted(endpoint["VpcEndpointType"] for endpoint in endpoints)
    assert kinds == ["Gateway", *["Interface"] * len(ENDPOINTS)]
    assert all(one["PrivateDnsEnabled"] for one in endpoints if "PrivateDnsEnabled" in one)


@pytest.mark.parametrize("stack", NETWORKS)
def test_nothing_leaves_by_others_keys_or_to_others(stacks: Stacks, stack: str) -> None:
    own = {"aws:PrincipalAccount", "aws:ResourceAccount"}
    endpoints = properties(stacks[stack], "AWS::EC2::VPCEndpoint")
    for endpoint in endpoints:
        ways = endpoint["PolicyDocument"]["Statement"]
        for way in ways:
            same = way.get("Condition", {}).get("StringEquals", {})
            by_service = way.get("Condition") == {"Bool": {"aws:PrincipalIsAWSService": "true"}}
            if same.keys() == own:
                assert len({text(account) for account in same.values()}) == 1
            elif not by_service:  # AWS's own buckets, which nobody else can write to or name so.
                assert way["Action"] == "s3:GetObject"
                assert all("*" not in text(one).partition("/")[0] for one in way["Resource"])
        assert len(ways) == (3 if endpoint["VpcEndpointType"] == "Gateway" else 1)


def test_each_endpoint_is_called_and_each_service_that_is_called_has_one() -> None:
    """Glue's runtime calls two by itself; the API's stage is read by hand, from outside.

    RDS is not called: what signs tokens for it needs no answer.
    """
    services = {"SecretsManager": "secretsmanager", "Metrics": "cloudwatch", "Functions": "lambda"}
    services |= {"States": "stepfunctions", "Schedules": "scheduler", "Notices": "sns"}
    services |= {"Events": "events"}
    code = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    called = set(re.findall(r"aws\.client\(\"(\w+)\"", code)) - {"s3", "apigateway", "rds"}
    assert called == set(services.values())
    assert ENDPOINTS.keys() == services.keys() | {"Keys", "Logs"}


@pytest.mark.parametrize("stack", NETWORKS)
def test_nobody_is_let_in_by_address(stacks: Stacks, stack: str) -> None:
    rules: list[dict[str, Any]] = properties(stacks[stack], "AWS::EC2::SecurityGroupIngress")
    for group in properties(stacks[stack], "AWS::EC2::SecurityGroup"):
        rules += group.get("SecurityGroupIngress", [])
    assert rules
    assert all("CidrIp" not in rule for rule in rules)


@pytest.mark.parametrize("stack", MODELS_STACKS)
def test_training_jobs_log_to_a_group_of_the_templates_own(stacks: Stacks, stack: str) -> None:
    groups = properties(stacks[stack], "AWS::Logs::LogGroup")
    [group] = [one for one in groups if one["LogGroupName"] == "/aws/sagemaker/TrainingJobs"]
    assert group["KmsKeyId"]
    actions = {
        action
        for resource in stacks[stack]["Resources"].values()
        for statement in statements(resource)
        for action in listed(statement["Action"])
    }
    assert "logs:CreateLogGroup" not in actions  # It would have neither end nor key.


@pytest.mark.parametrize("stack", ["hindcast-production-models", DELIVERY_STACK])
def test_a_build_logs_to_a_group_that_is_encrypted_and_ends(
    stacks: dict[str, Template], stack: str
) -> None:
    groups = of_type(stacks[stack], "AWS::Logs::LogGroup")
    for project in properties(stacks[stack], "AWS::CodeBuild::Project"):
        log = project["LogsConfig"]["CloudWatchLogs"]
        group = groups[log["GroupName"]["Ref"]]["Properties"]
        assert group["LogGroupName"] == f"/aws/codebuild/{project['Name']}"
        assert (log["Status"], "KmsKeyId" in group) == ("ENABLED", True)
        assert group["RetentionInDays"] in (90, 365)
