"""What proves the rest: heads of the ledger that nobody can delete, and the keys of lines."""

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secrets
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.constructs.logs import removal
from infra.permissions import acknowledge, allow

HEADS = "ledger"
# Longer than a ledger is asked about; the account's own administrators cannot shorten it.
YEARS_10 = Duration.days(3650)


class Proofs(Construct):
    """A bucket under object lock, and a secret of keys by number, of which the first is made."""

    def __init__(
        self, scope: Construct, id: str, addresses: Addresses, key: kms.IKey, access: s3.Bucket
    ) -> None:
        super().__init__(scope, id)
        self._addresses, self._key = addresses, key
        self.heads = self._heads(access)
        self.line_keys = self._line_keys()

    def environment(self) -> dict[str, str]:
        """Of a function that keeps heads and proves lines."""
        uri = self._addresses.uri("heads", HEADS)
        return {names.ENV_LEDGER_HEADS: uri, **self.proving()}

    def proving(self) -> dict[str, str]:
        """Of a function that tags lines or proves them."""
        return {names.ENV_LINE_KEYS: self.line_keys.secret_arn}

    def allow_keeping(self, to: iam.Role) -> None:
        """Let a role add heads, and list every version of them."""
        arn = self._addresses.bucket_arn("heads")
        allow(
            to, ["s3:PutObject"], [f"{arn}/{HEADS}/*"], "Heads, which are named by what they say."
        )
        of_heads = {"StringLike": {"s3:prefix": f"{HEADS}/*"}}
        allow(to, ["s3:ListBucketVersions"], [arn], conditions=of_heads)

    def allow_proving(self, to: iam.Role) -> None:
        """Let a role read the keys of lines."""
        allow(to, ["secretsmanager:GetSecretValue"], [self.line_keys.secret_arn])

    def _heads(self, access: s3.Bucket) -> s3.Bucket:
        deployment = self._addresses.deployment
        # One that may be deleted is under a lock that its administrators can lift.
        lock = (
            s3.ObjectLockRetention.compliance(YEARS_10)
            if deployment.protected
            else s3.ObjectLockRetention.governance(Duration.days(1))
        )
        return s3.Bucket(
            self,
            "Heads",
            bucket_name=self._addresses.bucket("heads"),
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self._key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=True,
            object_lock_enabled=True,
            object_lock_default_retention=lock,
            server_access_logs_bucket=access,
            server_access_logs_prefix="heads/",
            removal_policy=removal(deployment),
        )

    def _line_keys(self) -> secrets.Secret:
        secret = secrets.Secret(
            self,
            "LineKeys",
            secret_name=self._addresses.named("line-keys"),
            description="Keys of prediction lines by number: the highest tags, all of them prove",
            encryption_key=self._key,
            generate_secret_string=secrets.SecretStringGenerator(
                secret_string_template="{}",
                generate_string_key="1",
                password_length=64,
                exclude_punctuation=True,
            ),
            removal_policy=removal(self._addresses.deployment),
        )
        acknowledge(
            secret,
            "A new key is added by hand beside those before, which go on proving old lines.",
            "AwsSolutions-SMG4",
        )
        return secret
