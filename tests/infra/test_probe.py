"""The probe: as a caller, by a key and a role of its own, and told of by a metric."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hindcast import names
from infra.constructs.inline_function import LAMBDAS
from lambdas.probe.handler import handler
from tests.infra.deployments import MARKET
from tests.infra.resources import Template, of_type, properties, statements, text

Stacks = dict[str, Template]
STACK = f"{MARKET.prefix}-orchestration"
ASKED: list[tuple[str, dict[str, str], Any]] = []


class Gateway(BaseHTTPRequestHandler):
    """Answers a model "good", and refuses any other."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        ASKED.append((self.path, headers, json.loads(body)))
        is_good = self.path.startswith("/good/")
        self.send_response(200 if is_good else 503)
        self.end_headers()
        self.wfile.write(json.dumps({"prediction": 0} if is_good else {}).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def url() -> Iterator[str]:
    """Where the gateway listens."""
    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_it_asks_each_model_signed_and_says_how_it_went(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ASKED.clear()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        gateway = boto3.client("apigateway")
        key = gateway.create_api_key(name="probe", value="the-probes-own-key-of-20")
        event = {"deployment": "staging", "url": url, "region": "eu-west-1", "key": key["id"]}
        questions = {"bad": {"id": 1}, "good": {"features": {"income": 2}}}
        with pytest.raises(RuntimeError, match=r'no answer: {"bad": "HTTP 503"}'):
            handler({**event, "questions": questions}, None)
    assert [path for path, _, _ in ASKED] == ["/bad/predict", "/good/score"]
    assert [body for _, _, body in ASKED] == [{"id": 1}, {"features": {"income": 2}}]
    for _, headers, _ in ASKED:
        assert headers["x-api-key"] == "the-probes-own-key-of-20"
        assert "/eu-west-1/execute-api/aws4_request" in headers["authorization"]
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()][:2]
    assert [(one["model"], one[names.METRIC_PROBE]) for one in told] == [("bad", 1), ("good", 0)]
    assert told[0]["_aws"]["CloudWatchMetrics"][0]["Namespace"] == names.METRICS


def test_it_may_ask_one_route_of_each_model_and_predict_knows_it(stacks: Stacks) -> None:
    policies = of_type(stacks[STACK], "AWS::IAM::Policy")
    [policy] = [one for name, one in policies.items() if name.startswith("ProbeRole")]
    routes = {
        text(target).partition(">/")[2]
        for statement in statements(policy)
        if statement["Action"] == "execute-api:Invoke"
        for target in statement["Resource"]
    }
    assert routes == {"credit/POST/predict", "credit-v2/POST/score"}
    roles = of_type(stacks[STACK], "AWS::IAM::Role")
    [role] = [one["Properties"] for name, one in roles.items() if name.startswith("ProbeRole")]
    for function in properties(stacks[f"{MARKET.prefix}-models"], "AWS::Lambda::Function"):
        variables = function["Environment"]["Variables"]
        if "-predict-" in function["FunctionName"]:
            assert text(variables[names.ENV_PROBE]).endswith(f":assumed-role/{role['RoleName']}/")
        else:
            assert names.ENV_PROBE not in variables


def test_it_is_called_every_minute_with_the_questions_of_the_config(stacks: Stacks) -> None:
    found = properties(stacks[STACK], "AWS::Scheduler::Schedule")
    [schedule] = [one for one in found if one["Name"] == MARKET.named("probe")]
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    given = json.loads(text(schedule["Target"]["Input"]))
    assert given["questions"] == MARKET.watching.probes
    assert (
        len((LAMBDAS / "probe" / "handler.py").read_text()) <= 4096
    )  # CloudFormation's limit of what stands in a template.
