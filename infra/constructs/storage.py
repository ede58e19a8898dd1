"""Buckets: encrypted, private, versioned, with a lifecycle; and what becomes of them."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.logs import removal
from infra.permissions import acknowledge

ABANDONED = s3.LifecycleRule(
    id="abandoned-uploads", abort_incomplete_multipart_upload_after=Duration.days(7)
)


class Storage(Construct):
    """The lake and the releases, and a record of who asked for what in them."""

    def __init__(self, scope: Construct, id: str, addresses: Addresses, key: kms.IKey) -> None:
        super().__init__(scope, id)
        self._addresses, self._key = addresses, key
        self.access = self._access_log()
        self.lake = self._bucket(
            "Lake",
            # Versions of a Delta table's files are its own log; this keeps what was overwritten.
            [_replaced(30), _cooler("raw/"), _expired("athena/", 30)],
        )
        _tell(self.lake)
        self.releases = self._bucket("Releases", [_replaced(365)])
        _write_once(self.releases, "artifacts")

    @property
    def buckets(self) -> dict[str, s3.Bucket]:
        """What a second region has copies of, by the word in their names."""
        return {"lake": self.lake, "releases": self.releases}

    def _access_log(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Access",
            bucket_name=self._addresses.bucket("access"),
            # S3 delivers its access logs only to buckets under its own key.
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[ABANDONED, _expired("", 365), _replaced(30)],
            removal_policy=removal(self._addresses.deployment),
        )
        acknowledge(bucket, "It holds the access logs of the others.", "AwsSolutions-S1")
        return bucket

    def _bucket(self, id: str, rules: Sequence[s3.LifecycleRule]) -> s3.Bucket:
        return s3.Bucket(
            self,
            id,
            bucket_name=self._addresses.bucket(id.lower()),
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self._key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[ABANDONED, *rules],
            server_access_logs_bucket=self.access,
            server_access_logs_prefix=f"{id.lower()}/",
            removal_policy=removal(self._addresses.deployment),
        )


def _tell(bucket: s3.Bucket) -> None:
    """Let EventBridge know of the bucket's objects; CDK's own way takes a function of its own."""
    plain = bucket.node.default_child
    assert isinstance(plain, s3.CfnBucket)
    plain.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
        event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
            event_bridge_enabled=True
        )
    )


def _write_once(bucket: s3.Bucket, path: str) -> None:
    """Refuse to replace an object below a path, whoever asks.

    The form of S3's guide, "Enforce conditional writes": parts of an upload carry no condition.
    """
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=["s3:PutObject"],
            resources=[bucket.arn_for_objects(f"{path}/*")],
            conditions={
                "Null": {"s3:if-none-match": "true"},
                "Bool": {"s3:ObjectCreationOperation": "true"},
            },
        )
    )


def _replaced(days: int) -> s3.LifecycleRule:
    return s3.LifecycleRule(id="replaced", noncurrent_version_expiration=Duration.days(days))


def _expired(prefix: str, days: int) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        id=f"expired-{prefix.strip('/') or 'all'}",
        prefix=prefix or None,
        expiration=Duration.days(days),
    )


def _cooler(prefix: str) -> s3.LifecycleRule:
    moved = s3.Transition(
        storage_class=s3.StorageClass.INTELLIGENT_TIERING, transition_after=Duration.days(30)
    )
    return s3.LifecycleRule(id="cooler", prefix=prefix, transitions=[moved])
