"""The roles that the pipeline's steps take in a deployment, which may be in another account."""

from collections.abc import Callable
from dataclasses import dataclass

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.addresses import Addresses
from infra.config import Delivery, Deployment
from infra.constructs import deploy_roles


@dataclass(frozen=True)
class Step:
    """A step of the pipeline in one deployment, and what it may do there."""

    name: str
    description: str
    minutes: int
    permit: Callable[[iam.Role, Deployment], None]


# What is done to a deployment, in this order: the version's images and files are there before what
# needs them, the database's schema before any code of the version runs, and traffic comes last.
# Application and infrastructure are steps apart.
DEPLOY = (
    Step("publish", "Copies what was built to", 60, deploy_roles.allow_publishing),
    Step(
        "infrastructure",
        "Deploys templates, unless a canary is on a stage of",
        60,
        deploy_roles.allow_looks,
    ),
    Step(
        "migrate",
        "Migrates the database by the new version's code in",
        30,
        deploy_roles.allow_migration,
    ),
    Step(
        "application",
        "Gives features and models the new version in",
        60,
        deploy_roles.allow_application,
    ),
    Step(
        "roll-out",
        "Brings predict's new code to traffic by a canary in",
        480,
        deploy_roles.allow_roll_out,
    ),
)
SMOKE_TEST = Step("smoke-test", "Asks for a prediction of", 15, deploy_roles.allow_smoke_test)


class DeliveryAccess(Construct):
    """A role for each step; it alone of the pipeline's account may take it."""

    def __init__(self, scope: Construct, id: str, addresses: Addresses, delivery: Delivery) -> None:
        super().__init__(scope, id)
        self._deployment, self._delivery = addresses.deployment, delivery
        asked = [SMOKE_TEST] if addresses.deployment == delivery.staging else []
        for step in (*DEPLOY, *asked):
            step.permit(self._role(step), addresses.deployment)

    def _role(self, step: Step) -> iam.Role:
        account = self._delivery.account or Stack.of(self).account
        step_role = role_arn(self, account, self._delivery.step(step.name, self._deployment))
        return iam.Role(
            self,
            step.name,
            role_name=self._deployment.delivered_by(step.name),
            description=f"{step.description} {self._deployment.name}",
            # By a condition: a principal that is not there yet would be refused.
            assumed_by=iam.AccountPrincipal(account).with_conditions(
                {"ArnEquals": {"aws:PrincipalArn": step_role}}
            ),
        )


def role_arn(scope: Construct, account: str, name: str) -> str:
    """The ARN of a role of any account."""
    return Stack.of(scope).format_arn(
        service="iam",
        region="",
        account=account,
        resource="role",
        resource_name=name,
        arn_format=ArnFormat.SLASH_RESOURCE_NAME,
    )
