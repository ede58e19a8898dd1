"""The probe: a small function that asks each model through the API, as a caller does."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.api import PredictionApi
from infra.constructs.inline_function import InlineFunction
from infra.permissions import allow

NAME = "probe"
DESCRIPTION = "Asks each model through the API, as a caller does"


class Probe(InlineFunction):
    """The function, outside the network; its role may call the routes it asks, and read its key."""

    def __init__(
        self, scope: Construct, id: str, addresses: Addresses, api: PredictionApi, key: kms.IKey
    ) -> None:
        name = addresses.named(NAME)  # Of the role too, as predict knows it by that.
        super().__init__(scope, id, addresses, key, NAME, DESCRIPTION, Duration.seconds(55), name)
        self._addresses, self._api = addresses, api
        allow(self.role, ["execute-api:Invoke"], list(self._routes()))
        allow(self.role, ["apigateway:GET"], [self._key_arn()])

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
