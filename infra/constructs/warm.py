"""Warm-up: a small function that pings the versions of predict which the stages name."""

from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.addresses import Addresses
from infra.config import PREDICT
from infra.constructs.logs import log_group
from infra.permissions import allow, allow_traces, role

# In the template itself: an image of its own would be a thousand times its size.
SOURCE = Path(__file__).parents[2] / "lambdas" / "warm" / "handler.py"
NAME = "warm"
DESCRIPTION = "Keeps the versions of predict warm that the stages name"


class Warm(Construct):
    """The function, outside the network: it reaches stages and predict by AWS's own APIs."""

    def __init__(
        self, scope: Construct, id: str, addresses: Addresses, api_id: str, key: kms.IKey
    ) -> None:
        super().__init__(scope, id)
        self._addresses, self._api_id = addresses, api_id
        name = addresses.named(NAME)
        log = log_group(self, "Log", f"/aws/lambda/{name}", addresses.deployment, key)
        to = role(self, "Role", "lambda.amazonaws.com", DESCRIPTION)
        allow(to, ["logs:CreateLogStream", "logs:PutLogEvents"], [log.log_group_arn])
        allow_traces(to)
        self._allow_models(to)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            description=DESCRIPTION,
            code=lambda_.Code.from_inline(SOURCE.read_text()),
            handler="index.handler",
            runtime=lambda_.Runtime.PYTHON_3_14,
            role=to,
            memory_size=256,
            timeout=Duration.minutes(2),
            log_group=log,
            tracing=lambda_.Tracing.ACTIVE,
        )

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
