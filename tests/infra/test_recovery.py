"""What a second region is given, what it alarms about, and what would serve there."""

from dataclasses import replace
from typing import Any

import pytest

from infra.choices import Recovery
from infra.config import CAPABILITIES, PRODUCTION
from tests.infra.deployments import STANDBY, STANDBY_STACKS
from tests.infra.resources import Template, listed, of_type, only, properties, statements, text

Stacks = dict[str, Template]
FIRST, THERE = "hindcast-production-", "hindcast-production-standby-"
KEY = "arn:<AWS::Partition>:kms:eu-central-1:333333333333:alias/hindcast-production-standby"
STORED = ("lake", "releases", "heads")


def buckets(template: Template) -> dict[str, dict[str, Any]]:
    """Buckets by the word in their names."""
    found = properties(template, "AWS::S3::Bucket")
    return {text(one["BucketName"]).split("-")[2]: one for one in found}


def test_every_bucket_but_the_access_log_is_copied_and_deletions_are_not(stacks: Stacks) -> None:
    first, there = buckets(stacks[f"{FIRST}data"]), buckets(stacks[f"{THERE}recovery"])
    assert first.keys() == there.keys() == {*STORED, "access"}
    for name in STORED:
        [rule] = first[name]["ReplicationConfiguration"]["Rules"]
        assert (rule["Status"], rule["DeleteMarkerReplication"]) == (
            "Enabled",
            {"Status": "Disabled"},
        )
        target = rule["Destination"]
        assert text(target["Bucket"]).endswith(f":::{text(there[name]['BucketName'])}")
        assert text(target["EncryptionConfiguration"]["ReplicaKmsKeyID"]) == KEY
        assert target["ReplicationTime"] == {"Status": "Enabled", "Time": {"Minutes": 15}}
        assert there[name]["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bool(there[name].get("ObjectLockEnabled")) is (name == "heads")
    assert "ReplicationConfiguration" not in buckets(stacks["hindcast-staging-data"])["lake"]


def test_the_role_that_copies_may_delete_nothing_and_use_two_keys_by_s3_alone(
    stacks: Stacks,
) -> None:
    policies = of_type(stacks[f"{FIRST}data"], "AWS::IAM::Policy").items()
    [own] = [policy for name, policy in policies if name.startswith("Replication")]
    allowed = {action for one in statements(own) for action in listed(one["Action"])}
    assert not [action for action in allowed if "Delete" in action]
    for statement in statements(own):
        if any(action.startswith("kms:") for action in listed(statement["Action"])):
            via = statement["Condition"]["StringEquals"]["kms:ViaService"]
            assert via in ("s3.eu-west-1.amazonaws.com", "s3.eu-central-1.amazonaws.com")


def test_the_second_region_takes_replicas_until_it_is_fenced(stacks: Stacks) -> None:
    template = stacks[f"{THERE}recovery"]
    fenced = template["Conditions"]["IsFenced"]
    assert fenced == {"Fn::Equals": [{"Ref": "Fenced"}, "yes"]}
    found = [
        statement
        for policy in of_type(template, "AWS::S3::BucketPolicy").values()
        for statement in statements(policy)
        if statement.get("Sid") == "Fence"
    ]
    assert len(found) == len(STORED)
    for statement in found:
        assert statement["Effect"] == "Deny"
        whom = {"Fn::If": ["IsFenced", "*", "nobody"]}
        assert statement["Condition"] == {"StringLike": {"aws:PrincipalArn": whom}}


def test_backups_and_keys_of_lines_are_copied_under_that_regions_key(stacks: Stacks) -> None:
    data = stacks[f"{FIRST}data"]
    database = only(data, "AWS::RDS::DBInstance")["Properties"]
    assert database["AutomaticBackupReplicationRegion"] == "eu-central-1"
    assert text(database["AutomaticBackupReplicationKmsKeyId"]) == KEY
    secrets = {text(one["Name"]): one for one in properties(data, "AWS::SecretsManager::Secret")}
    copied = secrets["hindcast-production-line-keys"]["ReplicaRegions"]
    alias = "alias/hindcast-production-standby"
    assert copied == [{"Region": "eu-central-1", "KmsKeyId": alias}]
    [key] = properties(stacks[f"{THERE}recovery"], "AWS::KMS::Alias")
    assert key["AliasName"] == alias


def test_the_standbys_database_is_made_of_the_copied_backups(stacks: Stacks) -> None:
    data = stacks[f"{THERE}data"]
    database = only(data, "AWS::RDS::DBInstance")["Properties"]
    assert database["SourceDBInstanceAutomatedBackupsArn"] == {"Ref": "AutomatedBackups"}
    assert database["UseLatestRestorableTime"] is True
    # What RDS refuses beside them.
    refused = {"DBName", "MasterUsername", "MasterUserPassword", "StorageEncrypted", "KmsKeyId"}
    assert not refused & database.keys()
    assert database["PubliclyAccessible"] is False
    assert of_type(data, "AWS::S3::Bucket") == of_type(data, "AWS::KMS::Key") == {}


def test_what_serves_there_finds_the_copies_and_keeps_heads_of_its_own(stacks: Stacks) -> None:
    assert set(STANDBY_STACKS) <= stacks.keys()
    assert f"{THERE}access" not in stacks
    functions = properties(stacks[f"{THERE}models"], "AWS::Lambda::Function")
    [control] = [one for one in functions if one["FunctionName"] == f"{THERE}control"]
    places = {name: text(it) for name, it in control["Environment"]["Variables"].items()}
    assert places["HINDCAST_LAKE"] == f"s3://{FIRST}lake-<AWS::AccountId>-eu-central-1"
    heads = f"s3://{FIRST}heads-<AWS::AccountId>-eu-central-1/recovered"
    assert places["HINDCAST_LEDGER_HEADS"] == heads
    assert places["HINDCAST_LINE_KEYS"].endswith(":secret:hindcast-production-line-keys")
    other = properties(stacks[f"{FIRST}models"], "AWS::Lambda::Function")
    assert {one["FunctionName"].replace(FIRST, THERE) for one in other} == {
        one["FunctionName"] for one in functions
    }


def test_late_copies_are_told_there_and_failed_ones_here(stacks: Stacks) -> None:
    """S3 says how late they are in the region they come to, and what failed where it began."""
    for stack, metric, limit in (
        (f"{THERE}recovery", "ReplicationLatency", 15 * 60),
        (f"{FIRST}monitoring", "OperationsFailedReplication", 0),
    ):
        alarms = [
            alarm
            for alarm in properties(stacks[stack], "AWS::CloudWatch::Alarm")
            if alarm.get("MetricName") == metric
        ]
        pairs = [
            {one["Name"]: text(one["Value"]) for one in alarm["Dimensions"]} for alarm in alarms
        ]
        place = "<AWS::AccountId>-eu"
        assert sorted(pairs, key=lambda one: one["SourceBucket"]) == [
            {
                "SourceBucket": f"{FIRST}{name}-{place}-west-1",
                "DestinationBucket": f"{FIRST}{name}-{place}-central-1",
                "RuleId": "recovery",
            }
            for name in sorted(STORED)
        ]
        assert all(alarm["Threshold"] == limit and alarm["AlarmActions"] for alarm in alarms)


def test_route_53_asks_each_model_by_a_route_without_a_signature(stacks: Stacks) -> None:
    api = stacks[f"{FIRST}api"]
    checks = [one["HealthCheckConfig"] for one in properties(api, "AWS::Route53::HealthCheck")]
    paths = {one["ResourcePath"] for one in checks if one["Type"] == "HTTPS"}
    assert paths == {f"/{model}/ready" for model in PRODUCTION.models}
    [every] = [one for one in checks if one["Type"] == "CALCULATED"]
    assert every["HealthThreshold"] == len(every["ChildHealthChecks"]) == len(paths)
    assert open_methods(api) == 1
    settings = [
        one for s in properties(api, "AWS::ApiGateway::Stage") for one in s["MethodSettings"]
    ]
    limited = [one for one in settings if one["ResourcePath"] == "/~1ready"]
    assert [one["ThrottlingRateLimit"] for one in limited] == [10] * len(PRODUCTION.models)
    assert open_methods(stacks["hindcast-staging-api"]) == 0


def open_methods(template: Template) -> int:
    """How many methods anybody may call."""
    methods = properties(template, "AWS::ApiGateway::Method")
    return sum(one["AuthorizationType"] == "NONE" for one in methods)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"recovery": Recovery("eu-west-1", "10.9.0.0/16")},
            "recovery.region eu-west-1 is its own",
        ),
        ({"recovery": Recovery("Frankfurt", "10.9.0.0/16")}, "recovery.region 'Frankfurt': name"),
        ({"recovery": Recovery("eu-north-1", "10.30.0.0/16")}, "recovery.network 10.30.0.0/16 is"),
        ({"health": "open"}, "health 'open': use public or alarm"),
    ],
)
def test_a_second_region_that_cannot_be_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(PRODUCTION, **given)


def test_a_standby_is_the_deployment_elsewhere() -> None:
    assert (STANDBY.region, STANDBY.takes_over) == ("eu-central-1", "production")
    assert STANDBY.standby is None
    assert STANDBY.sizes == PRODUCTION.sizes
    assert STANDBY.bucket("lake", "1") == "hindcast-production-lake-1-eu-central-1"
    assert len(STANDBY_STACKS) == len(CAPABILITIES)
