"""The probe Lambda: asks each model through the real API, as a caller does, and says how it went.

Predict knows the probe by its role, and counts and keeps its answers as nobody's. The template
holds this file whole: the standard library and boto3, and at most 4,096 characters.
"""

import json
import sys
import time
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError

SECONDS_TO_ANSWER = 15  # As the API waits.


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """{"deployment", "url", "region", "key", "questions"} -> model -> milliseconds.

    Raises RuntimeError naming the models that did not answer, after all were asked.
    """
    took, failed = {}, {}
    for model, question in event["questions"].items():
        started = time.monotonic()
        try:
            _ask(event, model, question)
            took[model] = round((time.monotonic() - started) * 1000)
        except HTTPError as error:  # Its words may quote the question.
            failed[model] = f"HTTP {error.code}"
        except (BotoCoreError, ClientError, URLError, TimeoutError, ValueError) as error:
            failed[model] = str(error)
        _measure(event["deployment"], model, model in failed)
    sys.stdout.write(json.dumps({"took_ms": took, "failed": failed}) + "\n")
    if failed:
        raise RuntimeError(f"no answer: {json.dumps(failed)}")
    return took


def _ask(event: dict[str, Any], model: str, question: dict[str, Any]) -> None:
    """Ask for a prediction; raises HTTPError, or ValueError for what is none."""
    url = f"{event['url']}/{model}/{'score' if 'features' in question else 'predict'}"
    body = json.dumps(question).encode()
    headers = {"x-api-key": _key(event["key"]), "Content-Type": "application/json"}
    asked = AWSRequest("POST", url, headers, body)
    SigV4Auth(boto3.Session().get_credentials(), "execute-api", event["region"]).add_auth(asked)
    request = Request(url, data=body, headers=dict(asked.headers.items()), method="POST")
    with urlopen(request, timeout=SECONDS_TO_ANSWER) as answer:
        if json.load(answer).get("prediction") is None:
            raise ValueError("the answer has no prediction")


def _key(id: str) -> str:
    """The value of the probe's own key, so that it takes nothing of a caller's quota."""
    value: str = boto3.client("apigateway").get_api_key(apiKey=id, includeValue=True)["value"]
    return value


def _measure(deployment: str, model: str, failed: bool) -> None:
    """Write the metric that an alarm watches, also for where none comes."""
    metric = {
        "Namespace": "Hindcast",
        "Dimensions": [["deployment", "model"]],
        "Metrics": [{"Name": "ProbeFailures"}],
    }
    said = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]}
    named = {"deployment": deployment, "model": model, "ProbeFailures": int(failed)}
    sys.stdout.write(json.dumps({"_aws": said, **named}) + "\n")
