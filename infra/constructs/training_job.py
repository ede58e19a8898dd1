"""What a training job may do that is too big for a Lambda: SageMaker runs the same image."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.logs import log_group
from infra.constructs.machine import allow_events
from infra.permissions import allow, allow_key, allow_network, allow_write, role

# SageMaker's own name for the jobs' one group, of an account and region.
LOG = "/aws/sagemaker/TrainingJobs"


class TrainingJob(Construct):
    """The job's role; the state machine makes the job, with the train Lambda's image and place.

    keeps_log: whether the group that all jobs of the account log to is this deployment's.
    """

    def __init__(
        self, scope: Construct, id: str, addresses: Addresses, key: kms.IKey, keeps_log: bool
    ) -> None:
        super().__init__(scope, id)
        key_arn = key.key_arn
        if keeps_log:
            log_group(self, "Log", LOG, addresses.deployment, key)
        self.output = addresses.uri("releases", "jobs")
        self.role = role(self, "Role", "sagemaker.amazonaws.com", "Trains what is too big")
        allow_write(self.role, addresses.bucket_arn("releases"), "jobs")
        allow_key(self.role, key_arn)
        # The volume and what the job leaves in S3 are encrypted by SageMaker in the job's name.
        allow(self.role, ["kms:CreateGrant", "kms:DescribeKey", "kms:Encrypt"], [key_arn])
        allow_network(self.role)
        self._allow_image(addresses)
        allow(
            self.role,
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [Stack.of(self).format_arn(service="logs", resource=f"log-group:{LOG}:*")],
            "SageMaker names the streams of its one group.",
        )

    def _allow_image(self, addresses: Addresses) -> None:
        layers = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
        allow(
            self.role,
            [f"ecr:{action}" for action in layers],
            [addresses.repository_arn(self, "train")],
        )
        allow_registry(self.role)
        allow(
            self.role,
            [
                "ec2:CreateNetworkInterfacePermission",
                "ec2:DeleteNetworkInterfacePermission",
                "ec2:DescribeVpcs",
                "ec2:DescribeDhcpOptions",
                "ec2:DescribeSecurityGroups",
            ],
            ["*"],
            "EC2 gives Describe actions no ARN, and SageMaker's interfaces none beforehand.",
        )


def allow_training_jobs(to: iam.Role, prefix: str, job_role: str) -> None:
    """Let a machine run jobs whose names begin so, each with the role of this ARN, to their end."""
    jobs = Stack.of(to).format_arn(
        service="sagemaker", resource="training-job", resource_name=f"{prefix}*"
    )
    verbs = ("CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob", "AddTags")
    allow(
        to,
        [f"sagemaker:{verb}" for verb in verbs],
        [jobs],
        "Each execution names its own job, and begins the name by its machine.",
    )
    passed = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    allow(to, ["iam:PassRole"], [job_role], conditions=passed)
    allow_events(to, "StepFunctionsGetEventsForSageMakerTrainingJobsRule")


def allow_registry(to: iam.Role) -> None:
    """Let a role sign in to the registry."""
    allow(to, ["ecr:GetAuthorizationToken"], ["*"], "A sign-in is to the whole registry.")
