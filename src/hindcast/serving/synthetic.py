"""Requests of the rebuild machine and of the probe: answered as anybody's, counted as nobody's."""

import json
import time
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger

from hindcast import names
from hindcast.serving import journal
from hindcast.serving.meter import Meter
from hindcast.serving.predictor import Predictor
from hindcast.serving.service import Service

# A field of the event itself, which no caller of an API can set.
FIELD = "synthetic"
OK, SERVER_ERROR = 200, 500
_KEPT = ("prediction_id", "instant", "release", "outcome")

Report = dict[str, Any]


class Synthetic:
    """The routes of a release once more, whose answers nobody acts on.

    Their lines have another message, and neither id nor features: nothing collects them, drift sees
    none. meter: of their own, which is never told that a request is done, and so never writes.
    """

    def __init__(self, predictor: Predictor | None, logger: Logger, meter: Meter) -> None:
        self._given = predictor, logger, meter
        self._made: Service | None = None

    def resolve(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer one proxy event, of a caller who is the deployment's own."""
        return self._service().resolve(event, context)

    def answer(self, asked: Mapping[str, Any], context: Any) -> Report:
        """Ask {path, bodies} so many `times`; how many failed, or took more than `slow_ms`."""
        service, failures, slow = self._service(), list[str](), 0
        bodies, times = asked["bodies"], int(asked["times"])
        for number in range(times):
            started = time.perf_counter()
            body = bodies[number % len(bodies)]
            answer = service.resolve(_event(asked["path"], body), context)
            slow += (time.perf_counter() - started) * 1000 > asked["slow_ms"]
            if answer["statusCode"] != OK:
                failures.append(_reason(answer))
        counted = {"asked": times, "failed": len(failures), "slow": slow}
        return {"release": service.release, **counted, "why": next(iter(failures), None)}

    def _service(self) -> Service:
        """Made when it is first needed, which most environments never do."""
        if self._made is None:
            self._made = Service(*self._given, _answered)
        return self._made


def is_own(event: Mapping[str, Any], probe: str | None) -> bool:
    """Whether a proxy event is the probe's, by the role that API Gateway saw it sign as."""
    identity = event.get("requestContext", {}).get("identity", {})
    return probe is not None and str(identity.get("userArn")).startswith(probe)


def _answered(log: Logger, line: Mapping[str, Any]) -> None:
    kept = {name: line[name] for name in _KEPT}
    journal.answered(log, {"features": None, **kept}, names.SYNTHETIC_MESSAGE)


def _event(path: str, body: str) -> dict[str, Any]:
    """As a REST API hands a request on."""
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": "POST",
        "headers": {"Content-Type": "application/json"},
        "multiValueHeaders": {"Content-Type": ["application/json"]},
        "requestContext": {"httpMethod": "POST", "path": path, "stage": FIELD},
        "body": body,
        "isBase64Encoded": False,
    }


def _reason(answer: Mapping[str, Any]) -> str:
    """Why there is no answer, without words that could quote an id: those of a 4xx do."""
    said = json.loads(answer["body"])["error"]
    status = answer["statusCode"]
    return f"{status}: {said['message'] if status >= SERVER_ERROR else said['field']}"
