"""Names and ARNs that several stacks share, so that no stack must export them to another.

What is told only at run time (an alarm's name, a topic) would else tie stacks in circles.
"""

from dataclasses import dataclass

from aws_cdk import ArnFormat, Aws, Stack
from constructs import Construct

from hindcast import names
from infra.config import Deployment

# Alarms that speak of a model's release in traffic, each model having its own; the others are about
# the data or the account.
CANARY_ALARMS = (
    "api-errors",
    "canary-errors",
    "api-latency",
    "predict-errors",
    "predict-throttles",
)


@dataclass(frozen=True)
class Addresses:
    """The names of one deployment's resources."""

    deployment: Deployment

    @property
    def prefix(self) -> str:
        """What every name begins with."""
        return self.deployment.prefix

    def named(self, what: str) -> str:
        """The name of a function, repository, machine, job, topic or alarm."""
        return self.deployment.named(what)

    def bucket(self, what: str) -> str:
        """A bucket's name; those are one namespace for all accounts and regions."""
        return self.deployment.bucket(what, Aws.ACCOUNT_ID)

    def bucket_arn(self, what: str, path: str = "") -> str:
        """A bucket, or the objects below a path in it."""
        return f"arn:{Aws.PARTITION}:s3:::{self.bucket(what)}" + (f"/{path}" if path else "")

    def uri(self, what: str, path: str = "") -> str:
        """The s3:// address of a bucket or of a path in it."""
        return f"s3://{self.bucket(what)}" + (f"/{path}" if path else "")

    def of_model(self, what: str, model: str) -> str:
        """The name of what one model has to itself."""
        return self.deployment.of_model(what, model)

    def canary_alarms(self, model: str) -> list[str]:
        """The alarms that end a model's canary."""
        return [self.of_model(alarm, model) for alarm in CANARY_ALARMS]

    def topic_arn(self, scope: Construct) -> str:
        """The topic that tells people."""
        return Stack.of(scope).format_arn(service="sns", resource=self.named("notices"))

    def events_topic_arn(self, scope: Construct) -> str:
        """The topic that systems get events from."""
        return Stack.of(scope).format_arn(service="sns", resource=self.named("events"))

    def bus_arn(self, scope: Construct) -> str:
        """The event bus that systems get events from."""
        return Stack.of(scope).format_arn(
            service="events", resource="event-bus", resource_name=self.named("events")
        )

    def subscription_secrets_arn(self, scope: Construct) -> str:
        """The secrets that the webhooks of this deployment are signed with."""
        return Stack.of(scope).format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{names.SUBSCRIPTION_SECRETS}/{self.deployment.name}/*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def machine_arn(self, scope: Construct, machine: str) -> str:
        """A state machine."""
        return Stack.of(scope).format_arn(
            service="states",
            resource="stateMachine",
            resource_name=self.named(machine),
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def function_arn(self, scope: Construct, function: str) -> str:
        """A function, in whatever version."""
        return Stack.of(scope).format_arn(
            service="lambda",
            resource="function",
            resource_name=self.named(function),
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def caller_arn(self, scope: Construct, role: str) -> str:
        """What the ARN of whoever takes a role begins with."""
        return Stack.of(scope).format_arn(
            service="sts", region="", resource="assumed-role", resource_name=f"{self.named(role)}/"
        )

    def project_arn(self, scope: Construct, project: str) -> str:
        """A CodeBuild project."""
        return Stack.of(scope).format_arn(
            service="codebuild", resource="project", resource_name=self.named(project)
        )

    def repository_arn(self, scope: Construct, function: str) -> str:
        """The repository of a function's images."""
        return Stack.of(scope).format_arn(
            service="ecr", resource="repository", resource_name=self.named(function)
        )
