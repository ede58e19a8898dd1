"""What every stack of a deployment has: its place, its tags, its protection."""

import aws_cdk as cdk
from constructs import Construct

from infra.addresses import Addresses


class DeploymentStack(cdk.Stack):
    """A stack of one deployment, named by its capability."""

    def __init__(self, scope: Construct, capability: str, addresses: Addresses) -> None:
        deployment = addresses.deployment
        super().__init__(
            scope,
            addresses.named(capability),
            env=cdk.Environment(account=deployment.account, region=deployment.region),
            description=f"Hindcast {deployment.name} ({deployment.market}): {capability}",
            termination_protection=deployment.protected,
        )
        self.addresses = addresses
        for tag, value in (("deployment", deployment.name), ("market", deployment.market)):
            # CDK thinks that a proxy's target group has tags; CloudFormation refuses them.
            untagged = ["AWS::RDS::DBProxyTargetGroup"]
            cdk.Tags.of(self).add(f"hindcast:{tag}", value, exclude_resource_types=untagged)

    def version(self) -> str:
        """The application's version, by parameter: the same template takes another version."""
        parameter = cdk.CfnParameter(
            self,
            "ApplicationVersion",
            description="Tag of the images and folder of the artifacts, such as a git commit",
            allowed_pattern="[A-Za-z0-9._-]{1,128}",
        )
        return parameter.value_as_string
