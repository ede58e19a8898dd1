"""Ask a deployed API for a prediction: signed by IAM, with the API key of a usage plan."""

import json
import sys
import urllib.request
from typing import Any

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
    headers = {"Content-Type": "application/json", "x-api-key": key}
    body = json.dumps(question)
    asked = AWSRequest("POST", f"{url}{path}", data=body, headers=headers)
    SigV4Auth(credentials, "execute-api", region).add_auth(asked)
    request = urllib.request.Request(asked.url, body.encode(), dict(asked.headers))
    with urllib.request.urlopen(request) as response:
        return json.load(response)


if __name__ == "__main__":
    url, region, key, question = sys.argv[1:]
    found = botocore.session.Session().get_credentials()
    print(json.dumps(predict(url, region, key, json.loads(question), found)))  # noqa: T201  # A script for people.
