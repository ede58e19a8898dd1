"""Ask the deployed API as a caller does: signed, with an API key, for health and a prediction."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from infra import config
from infra.config import STAGE, Deployment
from infra.delivery.stage import rest_api
from infra.delivery.step import DeliveryError, Variables, client, say

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
        credentials = boto3.Session().get_credentials()
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
    """Ask the API of DEPLOYMENT; raises DeliveryError for anything but good answers."""
    deployment = variables.deployment
    api = rest_api(deployment)
    if api is None:
        raise DeliveryError(f"there is no API named {deployment.prefix}: deploy it first")
    place = f"{api}.execute-api.{deployment.region}.amazonaws.com"
    found = check(Api(f"https://{place}/{STAGE}", deployment.region, api_key(deployment)))
    say(f"{deployment.prefix} answers with release {found}")


def check(api: Api) -> str:
    """The release that answers both for its health and for an entity that is known."""
    health = api.ask("GET", "/health")
    if (health.get("status"), health.get("database")) != ("ok", "ok"):
        raise DeliveryError(f"GET /health: {dict(health)}")
    known = config.DELIVERY.known_id
    answer = api.ask("POST", "/predict", {"id": known})
    if answer.get("id") != known or not _is_prediction(answer):
        raise DeliveryError(f"POST /predict: {dict(answer)} is not a prediction for {known}")
    if answer.get("release") != health.get("release"):
        raise DeliveryError(
            f"POST /predict: release {answer.get('release')}, /health {health.get('release')}"
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
