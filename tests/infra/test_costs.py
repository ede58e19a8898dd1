"""The costs: counted as the templates count, and printed as the document shows them."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra import costs, prices, scenarios
from infra.config import PRODUCTION
from infra.scenarios import MEDIUM, SCENARIOS, SMALL, Scenario
from tests.infra.deployments import MARKET
from tests.infra.resources import Template, only, properties

Stacks = dict[str, Template]
DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"


def test_the_document_shows_what_the_script_prints() -> None:
    text = DOCUMENT.read_text()
    for table in costs.report().strip().split("\n\n"):
        assert table in text, "run `make costs` and put its tables into docs/operations.md"


def test_the_counts_are_those_of_the_templates(stacks: Stacks) -> None:
    def of(stack: str, kind: str) -> list[dict[str, object]]:
        return properties(stacks[f"hindcast-production-{stack}"], kind)

    endpoints = [
        one
        for one in of("network", "AWS::EC2::VPCEndpoint")
        if one["VpcEndpointType"] == "Interface"
    ]
    acl = only(stacks["hindcast-production-api"], "AWS::WAFv2::WebACL")["Properties"]
    database = only(stacks["hindcast-production-data"], "AWS::RDS::DBInstance")["Properties"]
    kept = len(of("data", "AWS::SecretsManager::Secret"))
    assert len(endpoints) == scenarios.ENDPOINTS
    assert len(acl["Rules"]) == scenarios.WAF_RULES
    assert kept + database["ManageMasterUserPassword"] == scenarios.SECRETS
    assert len(of("data", "AWS::KMS::Key")) == 1
    assert len(of("api", "AWS::ApiGateway::Method")) == scenarios.METHODS


def test_what_each_model_and_view_adds_is_counted(stacks: Stacks) -> None:
    """The one has a model and a view, the other two of each."""
    for one in (PRODUCTION, MARKET):

        def of(stack: str, kind: str, name: str = one.name) -> list[dict[str, object]]:
            return properties(stacks[f"hindcast-{name}-{stack}"], kind)

        alarms = of("monitoring", "AWS::CloudWatch::Alarm")
        assert sum(map(watched, alarms)) == costs.alarm_metrics(one)
        repositories = scenarios.SHARED_REPOSITORIES + len(one.models)
        assert len(of("data", "AWS::ECR::Repository")) == repositories
        assert len(of("api", "AWS::ApiGateway::Stage")) == len(one.models)


def watched(alarm: dict[str, object]) -> int:
    """The metrics that an alarm is paid for: those it reads, not what it works out of them."""
    given = alarm.get("Metrics", [])
    assert isinstance(given, list)
    return sum("MetricStat" in one for one in given) or 1


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_line_costs_something_or_nothing_but_never_less(scenario: Scenario) -> None:
    amounts = {name: cost(scenario) for name, cost in costs.LINES}
    assert min(amounts.values()) >= 0
    assert costs.total(scenario) == pytest.approx(sum(amounts.values()))


def test_every_price_is_used() -> None:
    source = Path(costs.__file__).read_text()
    named = {name for name in prices.PRICES if not name.startswith("database_")}
    assert {name for name in named if f'"{name}"' not in source} == set()


def test_twice_the_requests_are_twice_the_gateway() -> None:
    usage = replace(MEDIUM.usage, requests_per_day=2 * MEDIUM.usage.requests_per_day)
    assert costs.gateway(replace(MEDIUM, usage=usage)) == pytest.approx(2 * costs.gateway(MEDIUM))


def test_a_model_more_is_trained_and_watched_and_not_asked_more() -> None:
    more = MEDIUM.with_another_model()
    assert costs.training(more) == pytest.approx(3 / 2 * costs.training(MEDIUM))
    assert costs.metrics(more) > costs.metrics(MEDIUM)
    assert costs.gateway(more) == costs.gateway(MEDIUM)


def test_a_standby_doubles_the_database_and_not_its_proxy() -> None:
    doubled = replace(
        SMALL,
        deployment=replace(SMALL.deployment, sizes=replace(SMALL.sizes, database_standby=True)),
    )
    assert costs.database(doubled) == pytest.approx(2 * costs.database(SMALL))
    assert costs.proxy(doubled) == costs.proxy(SMALL)
