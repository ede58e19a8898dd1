"""A small function whose code is in the template itself, outside the network."""

from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.logs import log_group
from infra.permissions import allow, allow_traces, role

LAMBDAS = Path(__file__).parents[2] / "lambdas"


class InlineFunction(Construct):
    """lambdas/NAME/handler.py: an image of its own would be a thousand times its size."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        addresses: Addresses,
        key: kms.IKey,
        name: str,
        description: str,
        timeout: Duration,
        role_name: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        full = addresses.named(name)
        log = log_group(self, "Log", f"/aws/lambda/{full}", addresses.deployment, key)
        self.role = role(self, "Role", "lambda.amazonaws.com", description, role_name)
        allow(self.role, ["logs:CreateLogStream", "logs:PutLogEvents"], [log.log_group_arn])
        allow_traces(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=full,
            description=description,
            code=lambda_.Code.from_inline((LAMBDAS / name / "handler.py").read_text()),
            handler="index.handler",
            runtime=lambda_.Runtime.PYTHON_3_14,
            role=self.role,
            memory_size=256,
            timeout=timeout,
            log_group=log,
            tracing=lambda_.Tracing.ACTIVE,
        )
