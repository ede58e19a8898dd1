"""Ask a deployed API for predictions or features: signed by IAM, with a usage plan's key."""

import json
import sys
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from hindcast.client import Client, Sign


def predict(
    url: str, region: str, key: str, question: Any, credentials: Credentials, path: str = "/predict"
) -> Any:
    """The answer to a question; urllib.error.HTTPError has the status and body of a refusal.

    question: keys and request values by their names. path: /models/{model}/predict for one model.
    """
    url, body = url + path, json.dumps(question).encode()
    headers = dict(signed(region, key, credentials)("POST", url, body))
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as response:
        return json.load(response)


def features(
    url: str,
    region: str,
    key: str,
    service: str,
    question: Mapping[str, Any],
    credentials: Credentials,
) -> Any:
    """What a feature service has now for keys and request values by their names."""
    path = f"/services/{quote(service, safe='')}/features"
    return predict(url, region, key, dict(question), credentials, path)


def client(url: str, region: str, key: str, credentials: Credentials) -> Client:
    """The typed client of hindcast.client for a deployed API."""
    return Client(url, sign=signed(region, key, credentials))


def signed(region: str, key: str, credentials: Credentials) -> Sign:
    """What proves who asks: the usage plan's key, and a signature of IAM."""

    def sign(method: str, url: str, body: bytes | None) -> Mapping[str, str]:
        headers = {"x-api-key": key, **({"Content-Type": "application/json"} if body else {})}
        asked = AWSRequest(method, url, data=body, headers=headers)
        SigV4Auth(credentials, "execute-api", region).add_auth(asked)
        return dict(asked.headers)

    return sign


if __name__ == "__main__":
    url, region, key, question = sys.argv[1:]
    found = botocore.session.Session().get_credentials()
    print(json.dumps(predict(url, region, key, json.loads(question), found)))  # noqa: T201  # A script for people.
