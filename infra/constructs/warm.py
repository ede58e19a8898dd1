"""Warm-up: a small function that pings the versions of predict which the stages name."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.addresses import Addresses
from infra.config import PREDICT
from infra.constructs.inline_function import InlineFunction
from infra.permissions import allow

NAME = "warm"
DESCRIPTION = "Keeps the versions of predict warm that the stages name"


class Warm(InlineFunction):
    """The function, outside the network: it reaches stages and predict by AWS's own APIs."""

    def __init__(
        self, scope: Construct, id: str, addresses: Addresses, api_id: str, key: kms.IKey
    ) -> None:
        super().__init__(scope, id, addresses, key, NAME, DESCRIPTION, Duration.minutes(2))
        self._addresses, self._api_id = addresses, api_id
        self._allow_models(self.role)

    @property
    def event(self) -> dict[str, object]:
        """What a schedule calls it with."""
        deployment = self._addresses.deployment
        return {
            "deployment": deployment.name,
            "api": self._api_id,
            "models": list(deployment.models),
            "concurrent": deployment.warmup.concurrent,
        }

    def _allow_models(self, to: iam.Role) -> None:
        """Read each model's stage, and call the versions of its predict; nothing else."""
        for model in self._addresses.deployment.models:
            stage = Stack.of(self).format_arn(
                service="apigateway",
                account="",
                resource="/restapis",
                resource_name=f"{self._api_id}/stages/{model}",
            )
            allow(to, ["apigateway:GET"], [stage])
            predict = self._addresses.function_arn(self, f"{PREDICT}-{model}")
            allow(
                to,
                ["lambda:InvokeFunction", "lambda:GetProvisionedConcurrencyConfig"],
                [f"{predict}:*"],
                "Versions of this one function, whose numbers are not known beforehand.",
            )
