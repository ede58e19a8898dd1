"""The deployment's one key: everything that is stored is encrypted by it."""

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.logs import KEPT

# They write to encrypted topics, and keep schedules, for this account. EventBridge is let in by the
# CDK with a rule's target, and without a condition: it tells KMS neither account nor source.
NOTIFIERS = ("cloudwatch.amazonaws.com", "scheduler.amazonaws.com", "budgets.amazonaws.com")


class EncryptionKey(Construct):
    """A rotated key that the log service and whoever notifies may use, for this account."""

    def __init__(self, scope: Construct, id: str, addresses: Addresses) -> None:
        super().__init__(scope, id)
        self.key = kms.Key(
            self,
            "Key",
            alias=addresses.prefix,
            description=f"Everything that {addresses.prefix} stores",
            enable_key_rotation=True,
            # Without its key nothing that is kept could be read.
            removal_policy=KEPT,
        )
        allow_logs(self.key, addresses.deployment.region)
        _let(
            self.key,
            list(NOTIFIERS),
            ["kms:Decrypt", "kms:GenerateDataKey"],
            {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )


def allow_logs(key: kms.Key, region: str) -> None:
    """Let the log service of a region encrypt this account's groups by a key."""
    groups = Stack.of(key).format_arn(service="logs", resource="log-group:*")
    _let(
        key,
        [f"logs.{region}.amazonaws.com"],
        [
            "kms:Encrypt",
            "kms:Decrypt",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
            "kms:GenerateDataKey",
            "kms:DescribeKey",
        ],
        {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
    )


def _let(
    key: kms.Key, services: list[str], actions: list[str], conditions: dict[str, dict[str, str]]
) -> None:
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(service) for service in services],
            actions=actions,
            resources=["*"],  # In a key's policy: this key.
            conditions=conditions,
        )
    )
