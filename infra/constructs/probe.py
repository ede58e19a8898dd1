"""The probe: a small function that asks each model through the API, as a caller does."""

from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.api import PredictionApi
from infra.constructs.logs import log_group
from infra.permissions import allow, allow_traces, role

# In the template itself, as the warm-up.
SOURCE = Path(__file__).parents[2] / "lambdas" / "probe" / "handler.py"
NAME = "probe"
DESCRIPTION = "Asks each model through the API, as a caller does"


class Probe(Construct):
    """The function, outside the network; its role may call the routes it asks, and read its key."""

    def __init__(
        self, scope: Construct, id: str, addresses: Addresses, api: PredictionApi, key: kms.IKey
    ) -> None:
        super().__init__(scope, id)
        self._addresses, self._api = addresses, api
        name, deployment = addresses.named(NAME), addresses.deployment
        log = log_group(self, "Log", f"/aws/lambda/{name}", deployment, key)
        # Named, as predict knows it by that.
        to = role(self, "Role", "lambda.amazonaws.com", DESCRIPTION, name)
        allow(to, ["logs:CreateLogStream", "logs:PutLogEvents"], [log.log_group_arn])
        allow_traces(to)
        allow(to, ["execute-api:Invoke"], list(self._routes()))
        allow(to, ["apigateway:GET"], [self._key_arn()])
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
            timeout=Duration.seconds(55),
            log_group=log,
            tracing=lambda_.Tracing.ACTIVE,
        )

    @property
    def event(self) -> dict[str, object]:
        """What a schedule calls it with."""
        deployment = self._addresses.deployment
        place = f"{self._api.rest.rest_api_id}.execute-api.{deployment.region}"
        return {
            "deployment": deployment.name,
            "url": f"https://{place}.{Stack.of(self).url_suffix}",
            "region": deployment.region,
            "key": self._api.probe_key.key_id,
            "questions": {name: dict(one) for name, one in deployment.watching.probes.items()},
        }

    def _routes(self) -> list[str]:
        """The one route of each model that is asked."""
        return [
            self._api.rest.arn_for_execute_api("POST", f"/{path(question)}", model)
            for model, question in self._addresses.deployment.watching.probes.items()
        ]

    def _key_arn(self) -> str:
        return Stack.of(self).format_arn(
            service="apigateway",
            account="",
            resource="/apikeys",
            resource_name=self._api.probe_key.key_id,
        )


def path(question: object) -> str:
    """Where a question is asked."""
    return "score" if isinstance(question, dict) and "features" in question else "predict"
