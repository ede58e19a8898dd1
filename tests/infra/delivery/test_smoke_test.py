"""The deployed API is asked over HTTP, signed as AWS asks for it."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from infra.config import STAGING
from infra.delivery import smoke_test
from infra.delivery.smoke_test import Api
from infra.delivery.step import DeliveryError, Variables
from tests.infra.delivery.conftest import MODEL, Calls, client
from tests.infra.delivery.permissions import REGION, refused
from tests.infra.deployments import ACCESS_STACK
from tests.infra.resources import Template
from tests.orchestration.stage import Stage

PREDICT, SCORE = (f"/credit_risk/models/credit_risk/{path}" for path in ("predict", "score"))
KEY = "a-key-that-is-long-enough"
HEALTHY = {"status": "ok", "release": "risk-1", "database": "ok"}
PREDICTION = {"id": "5008827", "prediction": 0, "probability": 0.1, "release": "risk-1"}


class Gateway(HTTPServer):
    """Answers by path, to those that are signed and have the key."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, tuple[int, Any]] = {
            "/credit_risk/health": (200, HEALTHY),
            PREDICT: (200, PREDICTION),
            SCORE: (200, {"prediction": 1.5, "release": "risk-1"}),
        }

    @property
    def api(self) -> Api:
        return Api(f"http://127.0.0.1:{self.server_port}/credit_risk", REGION, KEY)


class _Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        if self.headers["x-api-key"] != KEY:
            status, document = 403, {"message": "Forbidden"}
        elif self.headers["Authorization"] != self._authorization(body):
            status, document = 403, {"message": "The request signature does not match"}
        else:
            status, document = self.server.answers[self.path]
        content = document.encode() if isinstance(document, str) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _authorization(self, body: bytes) -> str:
        """Signature version 4, worked out from its description."""
        signed = self.headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0]
        lines = [f"{name}:{self.headers[name]}" for name in signed.split(";")]
        digest = hashlib.sha256(body).hexdigest()
        canonical = "\n".join([self.command, self.path, "", *lines, "", signed, digest])
        at = self.headers["X-Amz-Date"]
        scope = f"{at[:8]}/{REGION}/execute-api/aws4_request"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        key = b"AWS4test"
        for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashed}"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return (
            f"AWS4-HMAC-SHA256 Credential=test/{scope}, SignedHeaders={signed}, "
            f"Signature={key.hex()}"
        )

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def gateway(aws: Calls) -> Iterator[Gateway]:
    with Gateway() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def check(gateway: Gateway, question: dict[str, Any] | None = None) -> str:
    return smoke_test.check(gateway.api, MODEL, question or {"id": "5008827"})


def test_good_answers_name_the_release(gateway: Gateway) -> None:
    assert check(gateway) == "risk-1"
    assert check(gateway, {"id": "5008827", "loan_amount": 250}) == "risk-1"


def test_a_model_of_the_callers_values_is_asked_for_a_score(gateway: Gateway) -> None:
    del gateway.answers[PREDICT]
    assert check(gateway, {"features": {"x": 1.0}}) == "risk-1"


@pytest.mark.parametrize(
    ("path", "answer", "says"),
    [
        ("/credit_risk/health", (503, {"message": "there is no release"}), "503 .*no release"),
        ("/credit_risk/health", (200, {**HEALTHY, "database": "away"}), "GET /health: .*away"),
        (PREDICT, (404, {"message": "no customer"}), "POST .*/predict: 404 .*no customer"),
        (PREDICT, (200, {**PREDICTION, "id": "1"}), "is not a prediction for .*5008827"),
        (PREDICT, (200, {**PREDICTION, "prediction": None}), "is not a prediction"),
        (PREDICT, (200, {**PREDICTION, "probability": None}), "is not a prediction"),
        (PREDICT, (200, {**PREDICTION, "probability": 1.5}), "is not a prediction"),
        (PREDICT, (200, {**PREDICTION, "release": "risk-2"}), "risk-2, /health risk-1"),
        ("/credit_risk/health", (200, "<html>"), "GET /health: Expecting value"),
    ],
)
def test_any_other_answer_fails_the_step(
    gateway: Gateway, path: str, answer: tuple[int, Any], says: str
) -> None:
    gateway.answers[path] = answer
    with pytest.raises(DeliveryError, match=says):
        check(gateway)


def test_without_the_key_or_the_credentials_nothing_is_answered(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DeliveryError, match=r"403 .*Forbidden"):
        Api(gateway.api.url, REGION, "another").ask("GET", "/health")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(DeliveryError, match=r"403 .*signature does not match"):
        gateway.api.ask("GET", "/health")


def test_nobody_there_fails_the_step(gateway: Gateway) -> None:
    with pytest.raises(DeliveryError, match=r"GET /health: .*refused"):
        Api("http://127.0.0.1:9/credit_risk", REGION, KEY).ask("GET", "/health")


def test_the_api_and_its_key_are_found_by_name(
    stacks: dict[str, Template],
    aws: Calls,
    stage: Stage,
    variables: Variables,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (f"{STAGING.named('caller')}-of-another", STAGING.named("caller")):
        client("apigateway").create_api_key(name=name, value=f"{name}-key", enabled=True)
    asked: list[Any] = []
    monkeypatch.setattr(smoke_test, "check", lambda *given: asked.append(given))
    aws.calls.clear()
    smoke_test.run(variables)
    (api, *question) = asked[0]
    assert question == [MODEL, {"id": "5008827"}]
    assert len(asked) == len(STAGING.models)
    rest = {one["name"]: one["id"] for one in client("apigateway").get_rest_apis()["items"]}
    place = f"{rest[STAGING.prefix]}.execute-api.eu-west-1.amazonaws.com"
    assert api == Api(f"https://{place}/credit_risk", REGION, "hindcast-staging-caller-key")
    called = [("execute-api", "Invoke", {"path": f"{rest[STAGING.prefix]}/credit_risk/GET/health"})]
    made = [*aws.calls, *called]
    assert refused(stacks[ACCESS_STACK], "Deliverysmoketest", made) == []


def test_no_api_and_no_key_are_said_so(aws: Calls, variables: Variables) -> None:
    with pytest.raises(DeliveryError, match="no API named hindcast-staging"):
        smoke_test.run(variables)
    client("apigateway").create_rest_api(name=STAGING.prefix)
    with pytest.raises(DeliveryError, match="no API key named hindcast-staging-caller"):
        smoke_test.run(variables)
