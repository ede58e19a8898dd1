"""Ask a deployed API for a prediction: signed by IAM, with the API key of a usage plan."""

import json
import sys
import urllib.request
from typing import Any

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def predict(url: str, region: str, key: str, entity: str, credentials: Credentials) -> Any:
    """The answer for an entity; urllib.error.HTTPError has the status and body of a refusal."""
    headers = {"Content-Type": "application/json", "x-api-key": key}
    body = json.dumps({"id": entity})
    asked = AWSRequest("POST", f"{url}/predict", data=body, headers=headers)
    SigV4Auth(credentials, "execute-api", region).add_auth(asked)
    request = urllib.request.Request(asked.url, body.encode(), dict(asked.headers))
    with urllib.request.urlopen(request) as response:
        return json.load(response)


if __name__ == "__main__":
    url, region, key, entity = sys.argv[1:]
    found = botocore.session.Session().get_credentials()
    print(json.dumps(predict(url, region, key, entity, found)))  # noqa: T201  # A script for people.
