"""Events on AWS: the relay reaches its sinks alone, and what posts to others reaches nothing."""

from typing import Any

from hindcast import names
from tests.infra.resources import Template, listed, only, properties, statements, text

Stacks = dict[str, Template]
MODELS = "hindcast-production-models"


def allowed(stacks: Stacks, construct: str) -> dict[str, set[str]]:
    """Actions of a function's role -> what they are allowed on."""
    found: dict[str, set[str]] = {}
    for name, resource in stacks[MODELS]["Resources"].items():
        if name.startswith(f"Functions{construct}"):
            for statement in statements(resource):
                for action in listed(statement["Action"]):
                    targets = listed(statement.get("Resource", []))
                    found.setdefault(action, set()).update(map(text, targets))
    return found


def variables(stacks: Stacks, function: str) -> dict[str, Any]:
    found = properties(stacks[MODELS], "AWS::Lambda::Function")
    name = f"hindcast-production-{function}"
    environment = next(one for one in found if one["FunctionName"] == name)["Environment"]
    return {key: text(value) for key, value in environment["Variables"].items()}


def test_the_relay_reaches_the_bus_the_topics_and_what_posts_for_it(stacks: Stacks) -> None:
    given, may = variables(stacks, "relay"), allowed(stacks, "Relay")
    assert may["events:PutEvents"] == {given[names.ENV_EVENT_BUS]}
    topics = {given[names.ENV_TOPIC_ARN], given[names.ENV_EVENTS_TOPIC_ARN]}
    assert may["sns:Publish"] == topics
    assert len(may["lambda:InvokeFunction"]) == 1
    secrets = sorted(one.partition(":secret:")[2] for one in may["secretsmanager:GetSecretValue"])
    assert f"{names.SUBSCRIPTION_SECRETS}/production/*" in secrets


def test_what_posts_outside_the_network_may_only_log_and_trace(stacks: Stacks) -> None:
    services = {action.partition(":")[0] for action in allowed(stacks, "Webhooks")}
    assert services == {"logs", "xray", "kms"}
    assert names.ENV_DATABASE_SECRET not in variables(stacks, "webhooks")


def test_the_bus_and_the_topic_are_where_the_relay_looks(stacks: Stacks) -> None:
    template = stacks["hindcast-production-orchestration"]
    bus = only(template, "AWS::Events::EventBus")["Properties"]["Name"]
    assert variables(stacks, "relay")[names.ENV_EVENT_BUS].endswith(f":event-bus/{bus}")
    topics = [topic["TopicName"] for topic in properties(template, "AWS::SNS::Topic")]
    assert variables(stacks, "relay")[names.ENV_EVENTS_TOPIC_ARN].rpartition(":")[2] in topics
