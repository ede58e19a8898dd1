"""Alarms and the dashboard, by the names of views and models."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from infra.addresses import CANARY_ALARMS
from infra.choices import Sizes
from infra.config import PRODUCTION, STAGING, Deployment
from infra.constructs.replication import REPLICATED
from tests.infra.deployments import MARKET, MODELS
from tests.infra.resources import Template, only, properties, text

Stacks = dict[str, Template]
OF_MODELS = {
    *CANARY_ALARMS,
    "model-age",
    "warmup-failures",
    "drift",
    "client-errors",
    "forbidden",
    "over-quota",
    "unknown-ids",
    "failed-invocations",
    "rebuild-failed",
    "rebuild-aborted",
    "rebuild-timed-out",
}
WINDOWS = ("1h", "5m", "6h", "30m")
SHARED = {
    "damage",
    "compaction",
    "database-cpu",
    "database-memory",
    "database-storage",
    "database-connections",
    "pinned-connections",
    "proxy-unavailable",
    "proxy-clients",
    "proxy-borrow-latency",
    "refresh-failed",
    "refresh-aborted",
    "refresh-timed-out",
    "uncollected",
    "undelivered",
    "uningested",
    "collect-errors",
    "collect-behind",
    "ingest-errors",
    "relay-errors",
    "rotation-errors",
    "events-dropped",
    "failed-invocations",
    "notices-undelivered",
    "answers-uncollected",
    *(f"job-failed-{job}" for job in ("batch", "ingest", "train", "evaluate", "drift")),
}


@pytest.mark.parametrize("deployment", [PRODUCTION, MARKET], ids=lambda one: one.name)
def test_each_trouble_has_its_alarm(stacks: Stacks, deployment: Deployment) -> None:
    alarms = properties(stacks[f"{deployment.prefix}-monitoring"], "AWS::CloudWatch::Alarm")
    ages = {deployment.of_model("feature-age", view) for view in deployment.views}
    must_come = ("model-age", "warmup-failures")
    ages |= {deployment.of_model(name, model) for name in must_come for model in deployment.models}
    ages |= {deployment.named(name) for name in ("damage", "compaction")}
    ages |= {deployment.of_model("no-traffic", model) for model in deployment.watching.traffic}
    ages |= {deployment.of_model("probe-failures", model) for model in deployment.watching.probes}
    expected = {
        *(
            deployment.of_model("error-budget", f"{model}-{window}")
            for model in deployment.models
            for window in WINDOWS
        ),
        *(deployment.of_model(name, model) for name in OF_MODELS for model in deployment.models),
        *map(deployment.named, SHARED),
    }
    if deployment.recovery:
        expected |= {deployment.named(f"replication-failed-{name}") for name in REPLICATED}
    assert {alarm["AlarmName"] for alarm in alarms} == expected | ages
    telling = [one for one in alarms if "-error-budget-" not in one["AlarmName"]]
    assert all(alarm["AlarmActions"] for alarm in telling)
    assert {one["AlarmName"] for one in alarms if one["TreatMissingData"] == "breaching"} == ages


def test_an_error_budget_rings_by_two_windows_of_two_burn_rates(stacks: Stacks) -> None:
    """The rates and windows of the SRE workbook, of 99.95 percent."""
    monitoring = stacks[f"{PRODUCTION.prefix}-monitoring"]
    alarms = {one["AlarmName"]: one for one in properties(monitoring, "AWS::CloudWatch::Alarm")}
    limits = {"1h": (0.72, 3600), "5m": (0.72, 300), "6h": (0.3, 21600), "30m": (0.3, 1800)}
    for model in PRODUCTION.models:
        for window, (limit, seconds) in limits.items():
            alarm = alarms[PRODUCTION.of_model("error-budget", f"{model}-{window}")]
            assert "AlarmActions" not in alarm
            assert alarm["Threshold"] == limit
            periods = [
                one["MetricStat"]["Period"] for one in alarm["Metrics"] if "MetricStat" in one
            ]
            assert periods == [seconds, seconds]
    for over in properties(monitoring, "AWS::CloudWatch::CompositeAlarm"):
        assert over["AlarmActions"]
        rule = re.sub(r"<Alarms\w+?(\d+[hm])[0-9A-F]{8}.Arn>", r"\1", text(over["AlarmRule"]))
        windows = [
            f'(ALARM("{one}") AND ALARM("{two}"))' for one, two in (("1h", "5m"), ("6h", "30m"))
        ]
        assert rule == f"({windows[0]} OR {windows[1]})"


def test_alarms_of_the_database_follow_its_size(stacks: Stacks) -> None:
    found = properties(stacks[f"{PRODUCTION.prefix}-monitoring"], "AWS::CloudWatch::Alarm")
    alarms = {one["AlarmName"].removeprefix(f"{PRODUCTION.prefix}-"): one for one in found}
    limits = {
        "database-memory": 0.1 * 8 * 2**30,
        "database-storage": 20 * 2**30,
        "database-connections": 720,  # Of 901, which RDS gives an m7g.large.
        "proxy-clients": 800,  # Twice the environments of two models.
    }
    assert {name: alarms[name]["Threshold"] for name in limits} == limits
    below = {name for name, one in alarms.items() if one["ComparisonOperator"].startswith("Less")}
    silent = {f"no-traffic-{model}" for model in PRODUCTION.watching.traffic}
    assert below == {"database-memory", "database-storage", "proxy-unavailable", *silent}


def test_rules_that_an_alarm_counts_have_those_names(stacks: Stacks) -> None:
    made = {
        rule["Name"]
        for room in ("models", "orchestration")
        for rule in properties(stacks[f"{MARKET.prefix}-{room}"], "AWS::Events::Rule")
    }
    alarms = properties(stacks[f"{MARKET.prefix}-monitoring"], "AWS::CloudWatch::Alarm")
    counted = json.dumps([one for one in alarms if "-failed-invocations" in one["AlarmName"]])
    assert made == set(re.findall(r'"RuleName", "Value": "([^"]+)"', counted))


def test_subscribers_and_budget_are_those_of_the_config(stacks: Stacks) -> None:
    told = properties(stacks[f"{MARKET.prefix}-orchestration"], "AWS::SNS::Subscription")
    assert {(one["Protocol"], one["Endpoint"]) for one in told} == {
        ("email", "alarms@example.com"),
        ("https", "https://example.com/alarms"),
    }
    budget = only(stacks[f"{MARKET.prefix}-monitoring"], "AWS::Budgets::Budget")["Properties"]
    assert budget["Budget"]["BudgetLimit"] == {"Amount": MARKET.watching.budget, "Unit": "USD"}
    told_of = budget["NotificationsWithSubscribers"]
    [topic] = {text(to["Address"]) for one in told_of for to in one["Subscribers"]}
    assert MARKET.named("notices") in topic
    policies = properties(stacks[f"{MARKET.prefix}-orchestration"], "AWS::SNS::TopicPolicy")
    assert any("budgets.amazonaws.com" in json.dumps(one) for one in policies)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"subscribers": ("alarms",)}, "subscribers has 'alarms': use an e-mail address or an h"),
        ({"subscribers": ("http://a.example/x",)}, "subscribers has 'http://a.example/x': use"),
        ({"subscribers": ()}, "subscribers is empty: nobody would hear its alarms; give"),
        ({"availability": 100.0}, "availability 100.0: use percent, 90 to 99.999"),
        ({"traffic": {"other": 5}}, "traffic of 'other', 5 an hour: use some of the models"),
        ({"traffic": {"credit_risk": 0}}, "traffic of 'credit_risk', 0 an hour: use some of"),
        (
            {"probes": {"other": {"id": 1}}},
            "probes has other: use some of the models cred",
        ),
        ({"budget": -1}, "budget -1: use USD, or 0 for none"),
    ],
)
def test_what_is_to_be_watched_is_checked(changed: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"production: watching.{problem}")):
        replace(PRODUCTION, watching=replace(PRODUCTION.watching, **changed))


def test_a_database_class_of_unknown_memory_is_refused() -> None:
    with pytest.raises(ValueError, match=r"staging: database_class 'm9.huge': use one of t4g"):
        replace(STAGING, sizes=Sizes(database_class="m9.huge"))


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
