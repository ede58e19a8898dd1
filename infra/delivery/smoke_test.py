"""Ask the deployed API as a caller does: signed, with an API key, every model for its health and
for a prediction."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from infra import config
from infra.config import Deployment
from infra.delivery.stage import rest_api
from infra.delivery.step import DeliveryError, Variables, client, say, session

SECONDS_TO_ANSWER = 30

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Api:
    """A stage's address, and what a caller needs there."""

    url: str
    region: str
    key: str

    def ask(self, method: str, path: str, body: Document | None = None) -> Document:
        """The JSON answer; raises DeliveryError unless it is 200."""
        content = json.dumps(body).encode() if body is not None else None
        headers = {"x-api-key": self.key, "Content-Type": "application/json"}
        request = AWSRequest(method, self.url + path, headers, content)
        credentials = session().get_credentials()
        SigV4Auth(credentials, "execute-api", self.region).add_auth(request)
        signed = Request(
            request.url, data=content, headers=dict(request.headers.items()), method=method
        )
        try:
            with urlopen(signed, timeout=SECONDS_TO_ANSWER) as answer:
                document: Document = json.load(answer)
        except HTTPError as error:
            text = error.read().decode(errors="replace")
            raise DeliveryError(f"{method} {path}: {error.code} {text}") from error
        except (URLError, TimeoutError, ValueError) as error:
            raise DeliveryError(f"{method} {path}: {error}") from error
        return document


def run(variables: Variables) -> None:
    """Ask every model of DEPLOYMENT; raises DeliveryError for anything but good answers."""
    deployment = variables.deployment
    api = rest_api(deployment)
    if api is None:
        raise DeliveryError(f"there is no API named {deployment.prefix}: deploy it first")
    place, key = f"{api}.execute-api.{deployment.region}.amazonaws.com", api_key(deployment)
    for model in deployment.models:
        asked = Api(f"https://{place}/{model}", deployment.region, key)
        found = check(asked, model, config.DELIVERY.known[model])
        say(f"{deployment.prefix} answers for {model} with release {found}")


def check(api: Api, model: str, question: Document) -> str:
    """The release that answers both for its health and to a question that it can answer."""
    health = api.ask("GET", "/health")
    if (health.get("status"), health.get("database")) != ("ok", "ok"):
        raise DeliveryError(f"GET /health: {dict(health)}")
    path = f"/models/{model}/{'score' if 'features' in question else 'predict'}"
    answer = api.ask("POST", path, question)
    # What names the entity is in the answer too; what comes with the question is not.
    echoed = all(answer.get(name, value) == value for name, value in question.items())
    if not (echoed and _is_prediction(answer)):
        raise DeliveryError(f"POST {path}: {dict(answer)} is not a prediction for {question}")
    if answer.get("release") != health.get("release"):
        raise DeliveryError(
            f"POST {path}: release {answer.get('release')}, /health {health.get('release')}"
        )
    return str(answer["release"])


def _is_prediction(answer: Mapping[str, Any]) -> bool:
    """Of a model of any task; a probability, where there is one, is between 0 and 1."""
    probability = answer.get("probability", 0.0)
    is_share = isinstance(probability, float) and 0 <= probability <= 1
    return is_share and answer.get("prediction") is not None


def api_key(deployment: Deployment) -> str:
    """The key of the deployment's usage plan; raises DeliveryError without one."""
    name = deployment.named("caller")
    found = client("apigateway", deployment.region).get_api_keys(
        nameQuery=name, includeValues=True
    )["items"]
    values = [one["value"] for one in found if one["name"] == name]
    if not values:
        raise DeliveryError(f"there is no API key named {name}")
    return str(values[0])
