"""What proves the rest: heads of the ledger that nobody can delete, and the keys of lines."""

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secrets
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.config import HEADS, RECOVERED
from infra.constructs.logs import removal
from infra.permissions import acknowledge, allow

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
        self._own = RECOVERED if addresses.deployment.takes_over else HEADS

    def environment(self) -> dict[str, str]:
        """Of a function that keeps heads and proves lines."""
        uri = self._addresses.uri("heads", self._own)
        return {names.ENV_LEDGER_HEADS: uri, **self.proving()}

    def proving(self) -> dict[str, str]:
        """Of a function that tags lines or proves them."""
        return {names.ENV_LINE_KEYS: self.line_keys.secret_arn}

    def allow_keeping(self, to: iam.Role) -> None:
        """Let a role add heads, and list every version of them."""
        arn = self._addresses.bucket_arn("heads")
        allow(
            to,
            ["s3:PutObject"],
            [f"{arn}/{self._own}/*"],
            "Heads, which are named by what they say.",
        )
        listed = [f"{path}/*" for path in sorted({HEADS, self._own})]
        of_heads = {"StringLike": {"s3:prefix": listed if listed[1:] else listed[0]}}
        allow(to, ["s3:ListBucketVersions"], [arn], conditions=of_heads)

    def allow_proving(self, to: iam.Role) -> None:
        """Let a role read the keys of lines."""
        arn = self.line_keys.secret_full_arn or f"{self.line_keys.secret_arn}-??????"
        allow(to, ["secretsmanager:GetSecretValue"], [arn])

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

    def _line_keys(self) -> secrets.ISecret:
        name = f"{self._addresses.deployment.stored_prefix}-line-keys"
        if self._addresses.deployment.takes_over:  # The first region keeps a copy here.
            return secrets.Secret.from_secret_name_v2(self, "LineKeys", name)
        secret = secrets.Secret(
            self,
            "LineKeys",
            secret_name=name,
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
