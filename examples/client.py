"""Ask a deployed API for predictions or features: signed by IAM, with a usage plan's key."""

import json
import sys
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def predict(
    url: str, region: str, key: str, question: Any, credentials: Credentials, path: str = "/predict"
) -> Any:
    """The answer to a question; urllib.error.HTTPError has the status and body of a refusal.

    question: keys and request values by their names. path: /models/{model}/predict for one model.
    """
    headers = {"Content-Type": "application/json"}
    asked = AWSRequest("POST", f"{url}{path}", data=json.dumps(question), headers=headers)
    return _answer(asked, region, key, credentials)


def features(
    url: str,
    region: str,
    key: str,
    service: str,
    question: Mapping[str, Any],
    credentials: Credentials,
) -> Any:
    """What a feature service has now for keys and request values by their names."""
    path = f"/services/{quote(service, safe='')}/features?{urlencode(question)}"
    return _answer(AWSRequest("GET", url + path), region, key, credentials)


def _answer(asked: AWSRequest, region: str, key: str, credentials: Credentials) -> Any:
    asked.headers["x-api-key"] = key
    SigV4Auth(credentials, "execute-api", region).add_auth(asked)
    body = asked.data.encode() if asked.data else None
    request = urllib.request.Request(asked.url, body, dict(asked.headers), method=asked.method)
    with urllib.request.urlopen(request) as response:
        return json.load(response)


if __name__ == "__main__":
    url, region, key, question = sys.argv[1:]
    found = botocore.session.Session().get_credentials()
    print(json.dumps(predict(url, region, key, json.loads(question), found)))  # noqa: T201  # A script for people.
