"""Everything stored, copied to a second region as it is written: objects, keys of lines, backups.

The second region's stack comes first: what it has is known here by names alone.
"""

from collections.abc import Iterable, Mapping

from aws_cdk import Aws, Fn, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secrets
from constructs import Construct

from infra.addresses import Addresses
from infra.permissions import allow, role

RULE = "recovery"  # Which metrics of replication name, beside the buckets.
REPLICATED = ("lake", "releases", "heads")
# What S3 promises of 99.99 % of objects, and the only number it takes.
MINUTES = 15
_Bucket = s3.CfnBucket


class Replication(Construct):
    """Rules of buckets, and the role that S3 copies in; deletions are not copied."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        addresses: Addresses,
        standby: Addresses,
        buckets: Mapping[str, s3.Bucket],
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        self._standby, self._key = standby, key
        self._role = role(
            self,
            "Role",
            "s3.amazonaws.com",
            f"Copies what {addresses.prefix} stores to {standby.deployment.region}",
        )
        for name, bucket in buckets.items():
            self._allow(bucket, standby.bucket_arn(name))
            self._add_rule(bucket, standby.bucket_arn(name))
        self._allow_keys(addresses.deployment.region)

    def _add_rule(self, bucket: s3.Bucket, target: str) -> None:
        plain = bucket.node.default_child
        assert isinstance(plain, _Bucket)
        after = _Bucket.ReplicationTimeValueProperty(minutes=MINUTES)
        disabled = _Bucket.DeleteMarkerReplicationProperty(status="Disabled")
        plain.replication_configuration = _Bucket.ReplicationConfigurationProperty(
            role=self._role.role_arn,
            rules=[
                _Bucket.ReplicationRuleProperty(
                    id=RULE,
                    priority=1,
                    status="Enabled",
                    filter=_Bucket.ReplicationRuleFilterProperty(prefix=""),
                    # Who deletes here deletes nothing there.
                    delete_marker_replication=disabled,
                    source_selection_criteria=_Bucket.SourceSelectionCriteriaProperty(
                        sse_kms_encrypted_objects=_Bucket.SseKmsEncryptedObjectsProperty(
                            status="Enabled"
                        )
                    ),
                    destination=_Bucket.ReplicationDestinationProperty(
                        bucket=target,
                        encryption_configuration=_Bucket.EncryptionConfigurationProperty(
                            replica_kms_key_id=key_alias_arn(self, self._standby)
                        ),
                        replication_time=_Bucket.ReplicationTimeProperty(
                            status="Enabled", time=after
                        ),
                        metrics=_Bucket.MetricsProperty(status="Enabled", event_threshold=after),
                    ),
                )
            ],
        )

    def _allow(self, bucket: s3.Bucket, target: str) -> None:
        allow(
            self._role,
            ["s3:GetReplicationConfiguration", "s3:ListBucket"],
            [bucket.bucket_arn],
        )
        read = ("ForReplication", "Acl", "Tagging")
        # Heads are under a lock, which their copies are too.
        of_lock = ["s3:GetObjectRetention", "s3:GetObjectLegalHold"]
        allow(
            self._role,
            [*(f"s3:GetObjectVersion{what}" for what in read), *of_lock],
            [bucket.arn_for_objects("*")],
            "Every object of the bucket is copied.",
        )
        # Without s3:ReplicateDelete: what is there stays there.
        allow(
            self._role,
            ["s3:ReplicateObject", "s3:ReplicateTags"],
            [f"{target}/*"],
            "Every object of the bucket is copied.",
        )

    def _allow_keys(self, region: str) -> None:
        allow(
            self._role,
            ["kms:Decrypt"],
            [self._key.key_arn],
            conditions={"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}},
        )
        there = self._standby.deployment.region
        allow(
            self._role,
            ["kms:Encrypt", "kms:GenerateDataKey"],
            [f"arn:{Aws.PARTITION}:kms:{there}:{Stack.of(self).account}:key/*"],
            "Narrowed to one alias and one service; a key's id is not known in this stack.",
            {
                "StringEquals": {"kms:ViaService": f"s3.{there}.amazonaws.com"},
                "ForAnyValue:StringEquals": {
                    "kms:ResourceAliases": f"alias/{self._standby.prefix}"
                },
            },
        )


def replicate_backups(instance: rds.DatabaseInstance, standby: Addresses) -> None:
    """Copy the database's backups, and its log of transactions, as RDS takes them."""
    plain = instance.node.default_child
    assert isinstance(plain, rds.CfnDBInstance)
    plain.automatic_backup_replication_region = standby.deployment.region
    plain.automatic_backup_replication_kms_key_id = key_alias_arn(instance, standby)


def replicate_secret(secret: secrets.Secret, standby: Addresses) -> None:
    """Keep a copy of a secret, of the same name."""
    plain = secret.node.default_child
    assert isinstance(plain, secrets.CfnSecret)
    plain.replica_regions = [
        secrets.CfnSecret.ReplicaRegionProperty(
            region=standby.deployment.region, kms_key_id=f"alias/{standby.prefix}"
        )
    ]


def key_alias_arn(scope: Construct, standby: Addresses) -> str:
    """The second region's key, by its alias, as its id is known in that region's stack alone."""
    place = f"{standby.deployment.region}:{Stack.of(scope).account}"
    return f"arn:{Aws.PARTITION}:kms:{place}:alias/{standby.prefix}"


def fence(buckets: Iterable[s3.Bucket], is_fenced: str) -> None:
    """Refuse replicas while a condition of the template holds, whoever sends them.

    A region that comes back would write its own log entries between those of the second one.
    """
    for bucket in buckets:
        everybody = Fn.condition_if(is_fenced, "*", "nobody")
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Fence",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
                resources=[bucket.arn_for_objects("*")],
                conditions={"StringLike": {"aws:PrincipalArn": everybody.to_string()}},
            )
        )
