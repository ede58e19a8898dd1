"""Prediction lines as the service writes them, and CloudWatch's records of them."""

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 1, 2, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
RELEASE = "credit_risk-0123456789ab"


def line(number: int, **changes: Any) -> dict[str, Any]:
    """The line of one prediction, a second after the one before."""
    document = {
        "level": "INFO",
        "message": "prediction",
        "timestamp": "2026-01-01T00:00:00.000+00:00",
        "service": "hindcast-predict",
        "prediction_id": f"00000000-0000-7000-8000-{number:012d}",
        "instant": (START + timedelta(seconds=number)).isoformat(),
        "id": number,
        "release": RELEASE,
        "materialization": "run1",
        "features_as_of": "2025-12-31T00:00:00+00:00",
        "features": {"income": number / 3, "loans": number, "owns": True, "kind": None},
        "prediction": number % 2,
        "probability": 1 / (number + 3),
        "outcome": "predicted",
    }
    return {**document, **changes}


def text(*numbers: int) -> str:
    """The log text of those predictions, a line each."""
    return "".join(json.dumps(line(number), separators=(",", ":")) + "\n" for number in numbers)


def record(*messages: str, kind: str = "DATA_MESSAGE") -> dict[str, Any]:
    """A subscription record of log events, with the fields and in the order CloudWatch has them."""
    return {
        "messageType": kind,
        "owner": "123456789012",
        "logGroup": "/aws/lambda/predict",
        "logStream": "2026/01/01/[$LATEST]0123456789abcdef",
        "subscriptionFilters": ["predictions"],
        "logEvents": [
            {"id": f"{3 * 10**55 + place}", "timestamp": 1767225600000 + place, "message": message}
            for place, message in enumerate(messages)
        ],
    }


def event(*messages: str, kind: str = "DATA_MESSAGE") -> dict[str, Any]:
    """What CloudWatch gives a Lambda itself: the record as base64 of gzip."""
    return {"awslogs": {"data": data(*messages, kind=kind)}}


def batch(*records: str) -> dict[str, Any]:
    """What a Lambda gets of a stream: the data of some records, each at its place in a shard."""
    return {
        "Records": [
            {"eventID": f"shardId-000000000000:{place}", "kinesis": {"data": data}}
            for place, data in enumerate(records)
        ]
    }


def data(*messages: str, kind: str = "DATA_MESSAGE") -> str:
    """One record of some messages: base64 of gzip."""
    packed = gzip.compress(json.dumps(record(*messages, kind=kind)).encode())
    return base64.b64encode(packed).decode()
