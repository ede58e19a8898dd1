"""CodeBuild projects: one step of `buildspec.yml` each, with a role that can do just that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.addresses import Addresses
from infra.config import PREDICT
from infra.constructs.logs import log_group
from infra.constructs.training_job import allow_registry
from infra.permissions import acknowledge, allow, allow_key, allow_read, role

# How a release's id ends, now and before: with so many digits, that `credit` does not reach those
# of `credit-v2`.
DIGESTS = ("?" * 64, "?" * 12)
PUSH = (
    "BatchCheckLayerAvailability",
    "BatchGetImage",
    "CompleteLayerUpload",
    "DescribeImages",
    "GetDownloadUrlForLayer",
    "InitiateLayerUpload",
    "PutImage",
    "UploadLayerPart",
)


@dataclass(frozen=True)
class Step:
    """A step as `buildspec.yml` knows it, by the variable STEP."""

    name: str
    project: str
    description: str
    minutes: int
    images: bool = False  # Whether it builds images, and so needs the privileged mode.
    variables: Mapping[str, str] = field(default_factory=dict)
    named_role: bool = False  # Whether its role has the project's name, for others to know it by.

    @property
    def log_name(self) -> str:
        """The name of its log group, as CodeBuild would name it."""
        return f"/aws/codebuild/{self.project}"


class BuildStep(Construct):
    """A project that runs one step; in a pipeline, or on the source that a pipeline left."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        step: Step,
        key: kms.IKey,
        log: logs.ILogGroup,
        source: codebuild.ISource | None = None,
    ) -> None:
        super().__init__(scope, id)
        name = step.project if step.named_role else None
        self.role = role(self, "Role", "codebuild.amazonaws.com", step.description, name)
        allow_key(self.role, key.key_arn)
        allow(self.role, ["logs:CreateLogStream", "logs:PutLogEvents"], [log.log_group_arn])
        # Without updates: the permissions are those written here.
        common: dict[str, Any] = {
            "project_name": step.project,
            "description": step.description,
            "role": self.role.without_policy_updates(),
            "encryption_key": key,
            "environment": _environment(step),
            "build_spec": codebuild.BuildSpec.from_source_filename("buildspec.yml"),
            "logging": codebuild.LoggingOptions(
                cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=log)
            ),
            "timeout": Duration.minutes(step.minutes),
            "grant_report_group_permissions": False,
        }
        self.project: codebuild.IProject
        if source is None:
            self.project = codebuild.PipelineProject(self, "Project", **common)
        else:
            self.project = codebuild.Project(self, "Project", source=source, **common)
        if step.images:
            acknowledge(
                self.project,
                "Images are built by a Docker daemon inside the build.",
                "AwsSolutions-CB3",
            )


class ReleaseImage(Construct):
    """The project that a model's rebuild asks to put a release of it into the predict image."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        addresses: Addresses,
        model: str,
        key: kms.IKey,
        version: str,
    ) -> None:
        super().__init__(scope, id)
        step = Step(
            name="release-image",
            project=addresses.of_model("release-image", model),
            description=f"Builds the predict image of one release of {model}",
            minutes=60,
            images=True,
            variables={
                "REPOSITORY": addresses.of_model(PREDICT, model),
                "RELEASES": addresses.uri("releases", "models"),
            },
        )
        bucket = s3.Bucket.from_bucket_name(self, "Releases", addresses.bucket("releases"))
        # Of the version that the deployment runs: a newer one may await its approval.
        source = codebuild.Source.s3(bucket=bucket, path=f"artifacts/{version}/source.zip")
        log = log_group(self, "Log", step.log_name, addresses.deployment, key)
        self.step = BuildStep(self, "Step", step, key, log, source)
        self.project = self.step.project
        allow_read(
            self.step.role,
            addresses.bucket_arn("releases"),
            *(f"models/{model}-{digits}" for digits in DIGESTS),
            "artifacts",
        )
        allow_push(self.step.role, [addresses.repository_arn(self, f"{PREDICT}-{model}")])


def allow_pull(to: iam.Role, repositories: list[str]) -> None:
    """Let a role read images of these repositories, layer by layer."""
    actions = ["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"]
    allow(to, actions, repositories)


def allow_push(to: iam.Role, repositories: list[str]) -> None:
    """Let a role push images to these repositories."""
    allow_registry(to)
    allow(to, [f"ecr:{action}" for action in PUSH], repositories)


def _environment(step: Step) -> codebuild.BuildEnvironment:
    variables = {"STEP": step.name, **step.variables}
    return codebuild.BuildEnvironment(
        build_image=codebuild.LinuxBuildImage.AMAZON_LINUX_2023_6,
        compute_type=codebuild.ComputeType.MEDIUM,
        privileged=step.images,
        environment_variables={
            name: codebuild.BuildEnvironmentVariable(value=value)
            for name, value in variables.items()
        },
    )
