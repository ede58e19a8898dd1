"""The Glue Spark job that computes features, from the wheel."""

from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.constructs.logs import log_group
from infra.constructs.network import ISOLATED, fixed
from infra.permissions import (
    NETWORK_REASON,
    acknowledge,
    allow,
    allow_batches,
    allow_key,
    allow_read,
    allow_write,
    role,
)

if TYPE_CHECKING:
    from infra.constructs.database import Database
    from infra.constructs.network import Network


class RefreshJob(Construct):
    """Glue 5.1 (Spark 3.5) in the VPC; script and wheels come from the release bucket."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        addresses: Addresses,
        network: "Network",
        database: "Database",
        key: kms.IKey,
        version: str,
    ) -> None:
        super().__init__(scope, id)
        self._addresses, self._key = addresses, key
        self._logs = [
            log_group(self, f"Log-{kind}", f"{self.log_name}/{kind}", addresses.deployment, key)
            for kind in ("error", "output")  # Glue's own names, below a prefix of ours.
        ]
        self.role = self._role()
        database.allow_working(self.role)
        network_connection, encrypted = self._connection(network), self._encrypted()
        shared = (version, network_connection, encrypted)
        about = "Materializes a feature view as of an instant"
        # Two refreshes at once could only repeat each other's work.
        self.job = self._job("Job", "refresh", "refresh_features.py", about, 1, *shared)
        about = "Scores batches that are declared for Spark"
        self.batch = self._job("Batch", "batch", "batch_predict.py", about, 5, *shared)

    def _role(self) -> iam.Role:
        to = role(self, "Role", "glue.amazonaws.com", "The job that computes features")
        lake = self._addresses.bucket_arn("lake")
        allow_read(to, lake, names.RAW, names.TO_SCORE)
        allow_batches(to, lake)
        allow_write(to, lake, names.FEATURES)
        allow(
            to,
            ["s3:DeleteObject"],
            [f"{lake}/{names.FEATURES}/*"],
            "Spark drops unfinished files, and the job the rows that waited there for Postgres.",
        )
        allow_read(to, self._addresses.bucket_arn("releases"), "artifacts", "models")
        allow_key(to, self._key.key_arn)
        groups = [log.log_group_arn for log in self._logs]
        allow(to, ["logs:CreateLogStream", "logs:PutLogEvents"], groups)
        allow(
            to,
            ["cloudwatch:PutMetricData"],
            ["*"],
            "Metrics have no ARN; the condition narrows it to Glue's own.",
            {"StringEquals": {"cloudwatch:namespace": "Glue"}},
        )
        self._allow_connection(to)
        return to

    @property
    def log_name(self) -> str:
        """What the names of the jobs' log groups begin with."""
        return f"/hindcast/{self._addresses.prefix}/refresh"

    def _allow_connection(self, to: iam.Role) -> None:
        stack = Stack.of(self)
        connection = self._addresses.named("network")
        allow(
            to,
            ["glue:GetConnection"],
            [
                stack.format_arn(service="glue", resource="catalog"),
                stack.format_arn(service="glue", resource="connection", resource_name=connection),
            ],
        )
        describe = ("NetworkInterfaces", "RouteTables", "SecurityGroups", "Subnets", "VpcEndpoints")
        allow(
            to,
            [
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:DescribeVpcAttribute",
                *(f"ec2:Describe{what}" for what in describe),
            ],
            ["*"],
            NETWORK_REASON,
        )
        allow(
            to,
            ["ec2:CreateTags"],
            [stack.format_arn(service="ec2", resource="network-interface", resource_name="*")],
            "Glue tags the network interfaces it makes.",
        )

    def _job(
        self,
        id: str,
        name: str,
        script: str,
        about: str,
        at_once: int,
        version: str,
        connection: glue.Connection,
        encrypted: glue.SecurityConfiguration,
    ) -> glue.PySparkEtlJob:
        artifacts = f"artifacts/{version}"
        name_of_bucket = self._addresses.bucket("releases")
        bucket = s3.Bucket.from_bucket_name(self, f"{id}Releases", name_of_bucket)
        sizes, project = self._addresses.deployment.sizes, self._addresses.deployment.project
        # Glue copies the file to the folder where the script runs.
        definitions = f"{artifacts}/definitions.py"
        own: list[glue.Code] = [glue.Code.from_bucket(bucket, definitions)] if project else []
        job = glue.PySparkEtlJob(
            self,
            id,
            job_name=self._addresses.named(name),
            description=about,
            glue_version=glue.GlueVersion.V5_1,
            # Without updates: the permissions are those written here.
            role=self.role.without_policy_updates(),
            script=glue.Code.from_bucket(bucket, f"{artifacts}/{script}"),
            worker_configuration=glue.WorkerConfiguration(
                worker_type=glue.WorkerType(sizes.glue_worker.replace(".", "_")),
                number_of_workers=sizes.glue_workers,
            ),
            extra_files=own,
            default_arguments=self._arguments(artifacts),
            connections=[connection],
            security_configuration=encrypted,
            max_concurrent_runs=at_once,
            max_retries=0,  # The state machines decide what is worth another try.
            timeout=Duration.hours(2),
        )
        reason = "Its log groups are the template's own, and encrypted by the deployment's key."
        acknowledge(job, reason, "AwsSolutions-GL1")
        return job

    def _arguments(self, artifacts: str) -> dict[str, str]:
        """What every run of a job is started with."""
        return {
            "--custom-logGroup-prefix": self.log_name,
            "--lake": self._addresses.uri("lake"),
            "--releases": self._addresses.uri("releases", "models"),
            "--database_secret": self._addresses.named("worker"),
            # A zip of wheels, as the network has no way to PyPI.
            "--additional-python-modules": self._addresses.uri(
                "releases", f"{artifacts}/hindcast.gluewheels.zip"
            ),
            "--python-modules-installer-option": "--no-index",
            **({"--project": "."} if self._addresses.deployment.project else {}),
        }

    def _connection(self, network: "Network") -> glue.Connection:
        subnet = network.vpc.select_subnets(subnet_type=ISOLATED.subnet_type).subnets[0]
        connection = glue.Connection(
            self,
            "Connection",
            connection_name=self._addresses.named("network"),
            type=glue.ConnectionType.NETWORK,
            network=glue.ConnectionNetwork.subnet(subnet),
            security_groups=[fixed(self, "Group", network.jobs)],
        )
        reason = "A Glue connection must name its zone: that of its subnet."
        acknowledge(connection, reason, "CloudFormation-Validate::W3010")
        return connection

    def _encrypted(self) -> glue.SecurityConfiguration:
        return glue.SecurityConfiguration(
            self,
            "Encryption",
            security_configuration_name=self._addresses.named("encrypted"),
            job_bookmarks_encryption=glue.JobBookmarksEncryption.client_side_kms(self._key),
            s3_encryption=glue.S3Encryption.kms(self._key),
        )
