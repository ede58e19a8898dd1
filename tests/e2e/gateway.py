"""The events of API Gateway's REST proxy integration, as AWS documents them (payload version 1)."""

import json
from dataclasses import dataclass
from typing import Any

from tests.e2e.emulator import Function

HOST, STAGE, USER = "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", "live", "AROAEXAMPLE:scoring"
REQUEST = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


@dataclass(frozen=True)
class Answer:
    """What API Gateway would send: status, headers and the JSON document of the body."""

    status: int
    headers: dict[str, list[str]]
    document: Any


def event(method: str, resource: str, body: str | None = None, **path: str) -> dict[str, Any]:
    """A request to a route, such as /features/{key}, whose parameters are given by name."""
    asked = resource.format(**path)
    fields = {"Accept": "*/*", "Content-Type": "application/json", "Host": HOST}
    return {
        "resource": resource,
        "path": asked,
        "httpMethod": method,
        "headers": fields,
        "multiValueHeaders": {name: [value] for name, value in fields.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": path or None,
        "stageVariables": {"predictVersion": "7"},
        "requestContext": _context(method, resource, asked),
        "body": body,
        "isBase64Encoded": False,
    }


def ask(function: Function, method: str, resource: str, body: Any = None, **path: str) -> Answer:
    """Ask a function; a body that is not text is sent as JSON."""
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    result = function.invoke(event(method, resource, text, **path))
    assert result["isBase64Encoded"] is False
    return Answer(result["statusCode"], result["multiValueHeaders"], json.loads(result["body"]))


def _context(method: str, resource: str, asked: str) -> dict[str, Any]:
    return {
        "accountId": "123456789012",
        "apiId": "a1b2c3d4e5",
        "domainName": HOST,
        "domainPrefix": "a1b2c3d4e5",
        "extendedRequestId": "JKJaXmPLvHcESHA=",
        "httpMethod": method,
        "identity": {
            "accessKey": "ASIAEXAMPLE",
            "accountId": "123456789012",
            "apiKey": "EXAMPLE",
            "caller": USER,
            "cognitoIdentityId": None,
            "sourceIp": "192.0.2.1",
            "user": USER,
            "userAgent": "python-urllib/3.11",
            "userArn": "arn:aws:sts::123456789012:assumed-role/scoring/scoring",
        },
        "path": f"/{STAGE}{asked}",
        "protocol": "HTTP/1.1",
        "requestId": REQUEST,
        "requestTime": "18/Sep/2021:05:00:00 +0000",
        "requestTimeEpoch": 1631941200000,
        "resourceId": "nl9h80",
        "resourcePath": resource,
        "stage": STAGE,
    }
