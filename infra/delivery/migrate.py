"""Migrate the database by the new version's code, before anything else of that version runs."""

import json
from typing import Any

from botocore.config import Config

from infra.config import Deployment
from infra.delivery.images import registry
from infra.delivery.step import DeliveryError, Variables, client, say

# A migration may take the 15 minutes that Lambda allows; a second call would only meet the first.
PATIENT = Config(read_timeout=930, tcp_keepalive=True, retries={"total_max_attempts": 1})
IMAGE = "control"  # The repository of the migrate function's image.


def run(variables: Variables) -> None:
    """Give the migrate function of DEPLOYMENT the code of VERSION, and call it.

    Raises DeliveryError with the function's own error.
    """
    deployment, version = variables.deployment, variables["VERSION"]
    lambda_ = client("lambda", deployment.region, PATIENT)
    _bring(lambda_, deployment, version)
    answer = lambda_.invoke(
        FunctionName=deployment.named("migrate"), Payload=json.dumps({"action": "migrate"})
    )
    document = answer["Payload"].read().decode()
    if answer.get("FunctionError"):
        raise DeliveryError(f"{deployment.named('migrate')} failed: {_message(document)}")
    say(f"migrated {deployment.prefix} to version {version}: {document}")


def _bring(lambda_: Any, deployment: Deployment, version: str) -> None:
    """Only this function: the template brings the version to the others afterwards."""
    address, _ = registry(client("ecr", deployment.region))
    function = deployment.named("migrate")
    lambda_.update_function_code(
        FunctionName=function, ImageUri=f"{address}/{deployment.named(IMAGE)}:{version}"
    )
    lambda_.get_waiter("function_updated").wait(FunctionName=function)


def _message(document: str) -> str:
    error = json.loads(document)
    return f"{error.get('errorType')}: {error.get('errorMessage')}"
