"""Postgres: the online store, the ledger and MLflow's store; read by predict through a proxy."""

from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import CfnParameter, Duration, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secrets
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.config import BACKUPS
from infra.constructs.logs import log_group
from infra.constructs.network import ISOLATED, fixed
from infra.permissions import acknowledge, allow, role

if TYPE_CHECKING:
    from infra.constructs.network import Network

# Whom the code trusts to sign for an instance, which refuses any other.
AUTHORITIES = Path(__file__).resolve().parents[2] / "src" / "hindcast" / "serving" / "rds-ca.pem"
ENGINE = rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_17_9)


class Database(Construct):
    """The instance, where functions sign in by IAM, and Glue by a secret; and the readers' proxy.

    Whoever works connects to the instance itself: MLflow sends connection options, which RDS
    Proxy refuses, and sessions that write would pin its connections.
    """

    def __init__(
        self, scope: Construct, id: str, addresses: Addresses, network: "Network", key: kms.IKey
    ) -> None:
        super().__init__(scope, id)
        self._addresses, self._network, self._key = addresses, network, key
        _require_authority(addresses.deployment.region)
        self._group = fixed(self, "Group", network.database)
        self.instance = self._instance()
        if addresses.deployment.takes_over:
            self._restore()
        self.worker = self._worker()
        self.proxy = self._proxy()

    def reader_url(self) -> str:
        """Where predict reads; the password is a token that it signs itself."""
        place = f"{self.proxy.endpoint}:5432/{names.DATABASE_NAME}"
        return f"postgresql://{names.DATABASE_READER}@{place}?sslmode=verify-full"

    def instance_url(self) -> str:
        """Where migrations work; a secret has the user and the password."""
        place = f"{self.instance.db_instance_endpoint_address}:5432/{names.DATABASE_NAME}"
        return f"postgresql://{place}?sslmode=verify-full"

    def function_url(self, function: str) -> str:
        """Where a function works, as its own user; the password is a token that it signs itself."""
        return self.instance_url().replace("://", f"://{names.database_user(function)}@")

    def allow_reading(self, to: iam.Role) -> None:
        """Let a role sign in to the proxy as the reader."""
        self.proxy.grant_connect(to, names.DATABASE_READER)

    def allow_signing_in(self, to: iam.Role, function: str) -> None:
        """Let a role sign in to the instance as a function's user."""
        self.instance.grant_connect(to, names.database_user(function))

    def allow_working(self, to: iam.Role) -> None:
        """Let a role read the worker's secret."""
        allow(to, ["secretsmanager:GetSecretValue"], [self.worker.secret_arn])

    def _instance(self) -> rds.DatabaseInstance:
        deployment, sizes = self._addresses.deployment, self._addresses.deployment.sizes
        name = self._addresses.named("postgres")
        log = self._log("Log", f"/aws/rds/instance/{name}/postgresql")
        instance = rds.DatabaseInstance(
            self,
            "Instance",
            instance_identifier=name,
            engine=ENGINE,
            instance_type=ec2.InstanceType(sizes.database_class),
            database_name=names.DATABASE_NAME,
            # RDS keeps and rotates the administrator's password; only migrations sign in so.
            credentials=rds.Credentials.from_username("hindcast_admin"),
            manage_master_user_password=True,
            iam_authentication=True,
            parameters={"rds.force_ssl": "1"},
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
            vpc=self._network.vpc,
            vpc_subnets=ISOLATED,
            security_groups=[self._group],
            publicly_accessible=False,
            multi_az=sizes.database_standby,
            storage_type=rds.StorageType.GP3,
            allocated_storage=sizes.database_storage,
            max_allocated_storage=sizes.database_storage * 4,
            storage_encrypted=True,
            storage_encryption_key=self._key,
            enable_performance_insights=True,
            performance_insight_encryption_key=self._key,
            cloudwatch_logs_exports=["postgresql"],
            auto_minor_version_upgrade=True,
            backup_retention=Duration.days(35 if deployment.protected else 7),
            delete_automated_backups=not deployment.protected,
            copy_tags_to_snapshot=True,
            deletion_protection=deployment.protected,
            removal_policy=RemovalPolicy.SNAPSHOT,
        )
        instance.node.add_dependency(log)
        self._acknowledge(instance)
        return instance

    def _restore(self) -> None:
        """Make the instance of backups that were copied here, in place of an empty one."""
        backups = CfnParameter(
            self,
            "Backups",
            description="ARN of the automated backups that the first region's database has here",
            allowed_pattern="arn:[a-z-]+:rds:.*:auto-backup:.+",
        )
        backups.override_logical_id(BACKUPS)
        plain = self.instance.node.default_child
        assert isinstance(plain, rds.CfnDBInstance)
        plain.source_db_instance_automated_backups_arn = backups.value_as_string
        plain.use_latest_restorable_time = True
        # RDS refuses them beside a backup, which has them.
        for inherited in ("DBName", "MasterUsername", "StorageEncrypted", "KmsKeyId"):
            plain.add_property_deletion_override(inherited)
        acknowledge(
            self.instance,
            "Encrypted as the backups are, by this region's key.",
            "AwsSolutions-RDS2",
        )

    def _acknowledge(self, instance: rds.DatabaseInstance) -> None:
        acknowledge(
            instance,
            "Security groups decide who reaches it, not the number of its port.",
            "AwsSolutions-RDS11",
        )
        if not self._addresses.deployment.sizes.database_standby:
            acknowledge(instance, "Without a standby, to cost half.", "AwsSolutions-RDS3")
        if not self._addresses.deployment.protected:
            acknowledge(instance, "May be deleted; leaves a snapshot.", "AwsSolutions-RDS10")

    def _worker(self) -> secrets.ISecret:
        secret = rds.DatabaseSecret(
            self,
            "Worker",
            username=names.DATABASE_WORKER,
            dbname=names.DATABASE_NAME,
            secret_name=self._addresses.named("worker"),
            encryption_key=self._key,
        )
        attached = secret.attach(self.instance)
        rotation = self._addresses.named("rotation")
        self._log("RotationLog", f"/aws/lambda/{rotation}")
        attached.add_rotation_schedule(
            "Rotation",
            automatically_after=Duration.days(30),
            # The user is made by the first migration; rotating earlier would find nobody.
            rotate_immediately_on_update=False,
            hosted_rotation=secrets.HostedRotation.postgre_sql_single_user(
                function_name=rotation,
                vpc=self._network.vpc,
                vpc_subnets=ISOLATED,
                security_groups=[self._group],
            ),
        )
        return attached

    def _proxy(self) -> rds.DatabaseProxy:
        signs_in = role(self, "ProxyRole", "rds.amazonaws.com", "RDS Proxy signs in to Postgres")
        name = self._addresses.named("proxy")
        log = self._log("ProxyLog", f"/aws/rds/proxy/{name}")
        proxy = rds.DatabaseProxy(
            self,
            "Proxy",
            db_proxy_name=name,
            proxy_target=rds.ProxyTarget.from_instance(self.instance),
            # By IAM at both ends: there is no reader's password.
            default_auth_scheme=rds.DefaultAuthScheme.IAM_AUTH,
            require_tls=True,
            role=signs_in,
            vpc=self._network.vpc,
            vpc_subnets=ISOLATED,
            security_groups=[fixed(self, "ProxyGroup", self._network.proxy)],
            idle_client_timeout=Duration.minutes(30),
            max_connections_percent=80,  # The rest is for those who work.
        )
        proxy.node.add_dependency(log)
        self.instance.grant_connect(signs_in, names.DATABASE_READER)
        return proxy

    def _log(self, id: str, name: str) -> logs.LogGroup:
        """A group that AWS would make by itself, without end and key."""
        return log_group(self, id, name, self._addresses.deployment, self._key)


def _require_authority(region: str) -> None:
    """Fail at synth rather than at the first connection."""
    if f"# Amazon RDS {region} Root CA" not in AUTHORITIES.read_text():
        raise ValueError(
            f"{AUTHORITIES.name} has no authority of RDS in {region}; add it by "
            "python -m infra.authorities"
        )
