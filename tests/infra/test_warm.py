"""Warm-up on AWS: by the stages' own word, as often as the config says, and nothing besides."""

import json
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber

from hindcast import names
from infra.choices import Warmup
from infra.config import DELIVERY, PRODUCTION
from lambdas.warm import handler as warm
from tests.infra.deployments import MARKET, MODELS
from tests.infra.resources import Template, of_type, properties, statements, text

Stacks = dict[str, Template]
STACK = f"{MARKET.prefix}-orchestration"


def test_it_is_called_with_every_model_as_often_as_the_config_says(stacks: Stacks) -> None:
    found = properties(stacks[STACK], "AWS::Scheduler::Schedule")
    [schedule] = [one for one in found if one["Name"] == MARKET.named("warm")]
    assert schedule["ScheduleExpression"] == "rate(10 minutes)"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    given = json.loads(text(schedule["Target"]["Input"]))
    assert (given["models"], given["concurrent"]) == (list(MODELS), 1)
    assert given["deployment"] == MARKET.name


def test_it_reads_the_models_stages_and_calls_versions_of_predict_alone(stacks: Stacks) -> None:
    policies = of_type(stacks[STACK], "AWS::IAM::Policy")
    [policy] = [one for name, one in policies.items() if name.startswith("WarmRole")]
    reached: dict[str, set[str]] = {}
    for statement in statements(policy):
        actions, targets = statement["Action"], statement["Resource"]
        for action in [actions] if isinstance(actions, str) else actions:
            found = targets if isinstance(targets, list) else [targets]
            reached.setdefault(action, set()).update(map(text, found))
    stages = {one.rpartition("/stages/")[2] for one in reached["apigateway:GET"]}
    versions = {f"{MARKET.of_model('predict', model)}:*" for model in MODELS}
    called = {one.partition(":function:")[2] for one in reached["lambda:InvokeFunction"]}
    assert (stages, called) == (set(MODELS), versions)
    assert {action.partition(":")[0] for action in reached} == {
        "apigateway",
        "lambda",
        "logs",
        "xray",
    }


def test_an_alarm_rings_for_each_model_whose_warm_ups_fail_or_do_not_come(stacks: Stacks) -> None:
    alarms = properties(stacks[f"{MARKET.prefix}-monitoring"], "AWS::CloudWatch::Alarm")
    for model in MODELS:
        name = MARKET.of_model("warmup-failures", model)
        [alarm] = [one for one in alarms if one["AlarmName"] == name]
        assert (alarm["Threshold"], alarm["TreatMissingData"]) == (0, "breaching")
        assert (alarm["Namespace"], alarm["MetricName"]) == (names.METRICS, names.METRIC_WARMUP)
        whose = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        assert whose == {names.METRIC_DIMENSION: MARKET.name, names.METRIC_MODEL: model}
        # The rarest warm-up comes twice in a period.
        assert alarm["Period"] >= 2 * 15 * 60


def test_each_model_has_a_metric_of_whether_its_warm_up_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warmed(api: str, model: str, concurrent: int) -> dict[str, int]:
        if model == "broken":
            raise RuntimeError("version 7 of predict failed: see its log")
        return {"7": concurrent}

    monkeypatch.setattr(warm, "_warm", warmed)
    event = {"deployment": "market", "api": "a", "models": ["broken", "risk"], "concurrent": 1}
    with pytest.raises(RuntimeError, match=r"not warmed: .*broken"):
        warm.handler(event, None)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [line for line in lines if "_aws" in line]
    assert {line["model"]: line[names.METRIC_WARMUP] for line in told} == {"broken": 1, "risk": 0}
    for line in told:
        [metric] = line["_aws"]["CloudWatchMetrics"]
        assert metric["Namespace"] == names.METRICS
        assert metric["Dimensions"] == [[names.METRIC_DIMENSION, names.METRIC_MODEL]]
        assert [one["Name"] for one in metric["Metrics"]] == [names.METRIC_WARMUP]
        assert line[names.METRIC_DIMENSION] == "market"


def test_without_minutes_there_is_none_of_it(tmp_path: Path) -> None:
    from infra.app import add_deployment, build

    app = build(tmp_path, [])
    add_deployment(app, replace(PRODUCTION, warmup=Warmup(minutes=0)), DELIVERY)
    app.synth()
    made = (tmp_path / f"{PRODUCTION.named('orchestration')}.template.json").read_text()
    assert PRODUCTION.named("warm") not in made
    watched = (tmp_path / f"{PRODUCTION.named('monitoring')}.template.json").read_text()
    assert names.METRIC_WARMUP not in watched


@pytest.mark.parametrize(
    ("warmup", "problem"),
    [
        (Warmup(minutes=4), "every 4 minutes: use 5 to 15, or 0"),
        (Warmup(minutes=16), "every 16 minutes: use 5 to 15, or 0"),
        (Warmup(concurrent=0), "0 at a time: use 1 to 100"),
        (Warmup(concurrent=101), "101 at a time: use 1 to 100"),
    ],
    ids=["too often", "too rarely", "none", "too many"],
)
def test_a_warm_up_that_warms_nothing_is_refused(warmup: Warmup, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        replace(PRODUCTION, warmup=warmup)


def test_several_are_pinged_what_has_no_room_is_busy_and_what_breaks_is_told() -> None:
    functions = boto3.client(
        "lambda", region_name="eu-west-1", aws_access_key_id="none", aws_secret_access_key="none"
    )
    with Stubber(functions) as lambdas:
        payload = json.dumps({"warmup": True, "hold_seconds": warm.HOLD_SECONDS})
        for _ in range(2):
            expected = {"FunctionName": "predict:7", "Payload": payload}
            lambdas.add_response("invoke", {"StatusCode": 200}, expected)
        assert warm._ping(functions, "predict", "7", 2) == 2
        lambdas.add_client_error("invoke", "TooManyRequestsException", http_status_code=429)
        assert warm._ping(functions, "predict", "7", 1) == 0
        lambdas.add_response("invoke", {"StatusCode": 200, "FunctionError": "Unhandled"})
        with pytest.raises(RuntimeError, match="version 7 of predict failed"):
            warm._ping(functions, "predict", "7", 1)
