"""Alarms and the dashboard, by the names of views and models."""

import json
import re

import pytest

from infra.addresses import CANARY_ALARMS
from infra.config import PRODUCTION, Deployment
from infra.constructs.replication import REPLICATED
from tests.infra.deployments import MARKET, MODELS
from tests.infra.resources import Template, only, properties, text

Stacks = dict[str, Template]
OF_MODELS = {
    *CANARY_ALARMS,
    "model-age",
    "warmup-failures",
    "drift",
    "rebuild-failed",
    "rebuild-aborted",
    "rebuild-timed-out",
}
SHARED = {
    "damage",
    "pinned-connections",
    "refresh-failed",
    "refresh-aborted",
    "refresh-timed-out",
    "uncollected",
    "undelivered",
    "uningested",
    "collect-errors",
    "ingest-errors",
    "relay-errors",
    *(f"job-failed-{job}" for job in ("batch", "ingest", "train", "evaluate", "drift")),
}


@pytest.mark.parametrize("deployment", [PRODUCTION, MARKET], ids=lambda one: one.name)
def test_each_trouble_has_its_alarm(stacks: Stacks, deployment: Deployment) -> None:
    alarms = properties(stacks[f"{deployment.prefix}-monitoring"], "AWS::CloudWatch::Alarm")
    ages = {deployment.of_model("feature-age", view) for view in deployment.views}
    must_come = ("model-age", "warmup-failures")
    ages |= {deployment.of_model(name, model) for name in must_come for model in deployment.models}
    ages.add(deployment.named("damage"))
    expected = {
        *(deployment.of_model(name, model) for name in OF_MODELS for model in deployment.models),
        *map(deployment.named, SHARED),
    }
    if deployment.recovery:
        expected |= {deployment.named(f"replication-failed-{name}") for name in REPLICATED}
    assert {alarm["AlarmName"] for alarm in alarms} == expected | ages
    assert all(alarm["AlarmActions"] for alarm in alarms)
    assert {one["AlarmName"] for one in alarms if one["TreatMissingData"] == "breaching"} == ages


def test_an_alarm_and_a_row_of_the_dashboard_look_at_one_model_alone(stacks: Stacks) -> None:
    monitoring = stacks[f"{MARKET.prefix}-monitoring"]
    alarms = properties(monitoring, "AWS::CloudWatch::Alarm")
    for model in MODELS:
        for name in CANARY_ALARMS:
            [alarm] = [one for one in alarms if one["AlarmName"] == MARKET.of_model(name, model)]
            metrics = json.dumps([alarm.get("Dimensions"), alarm.get("Metrics")])
            looked = set(re.findall(r'"Value": "([^"]+)"', metrics))
            stages = {model, f"{model}/Canary", MARKET.of_model("predict", model)}
            assert looked & stages
            assert looked <= stages | {MARKET.prefix}
    page = text(only(monitoring, "AWS::CloudWatch::Dashboard")["Properties"]["DashboardBody"])
    for model in MODELS:
        assert f'"title":"{model}: requests"' in page
        assert f'"{MARKET.of_model("predict", model)}"' in page
