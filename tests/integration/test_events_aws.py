"""Events on AWS: by bus and topic, to people what they decide, and where secrets are kept."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hindcast import names
from hindcast.errors import HindcastError, NotFoundError
from hindcast.operations.events import relay
from hindcast.operations.events.relay import Relay
from hindcast.operations.events.subscriptions import subscribe, unsubscribe
from hindcast.settings import Settings
from hindcast.stores.ledger import Ledger
from lambdas.control.handler import handler
from tests.integration.test_events import ids
from tests.integration.test_outbox import live


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    with mock_aws():
        yield


def queue(client: Any, name: str) -> tuple[str, str]:
    """The URL and ARN of a new queue."""
    url = client.create_queue(QueueName=name)["QueueUrl"]
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return url, found["QueueArn"]


def received(client: Any, url: str) -> list[dict[str, Any]]:
    found = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


@pytest.mark.usefixtures("cloud")
def test_on_aws_systems_get_events_by_bus_and_topic_and_people_what_they_decide(
    ledger: Ledger, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, sns, sqs = (boto3.client(name, "eu-central-1") for name in ("events", "sns", "sqs"))
    bus.create_event_bus(Name="news")
    bus.put_rule(Name="all", EventBusName="news", EventPattern='{"source": ["hindcast"]}')
    queues = {name: queue(sqs, name) for name in ("bus", "systems", "people")}
    bus.put_targets(
        Rule="all", EventBusName="news", Targets=[{"Id": "queue", "Arn": queues["bus"][1]}]
    )
    topics = {name: sns.create_topic(Name=name)["TopicArn"] for name in ("systems", "people")}
    for name, topic in topics.items():
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queues[name][1])
    for name, value in {
        names.ENV_DEPLOYMENT: "staging",
        names.ENV_DATABASE_URL: database_url,
        names.ENV_EVENT_BUS: "news",
        names.ENV_EVENTS_TOPIC_ARN: topics["systems"],
        names.ENV_TOPIC_ARN: topics["people"],
    }.items():
        monkeypatch.setenv(name, value)
    live(ledger)
    delivered = handler({"action": "deliver_events"}, None)["delivered"]
    assert delivered == {"eventbridge": 7, "sns": 7, "people": 2}
    on_bus, to_systems, to_people = (received(sqs, url) for url, _ in queues.values())
    assert [each["detail"]["id"] for each in on_bus] == ids(ledger.outbox)
    assert {each["detail-type"] for each in on_bus} >= {"Promoted", "GateRefused"}
    first = json.loads(to_systems[0]["Message"])
    assert first["source"] == "/hindcast/staging"
    assert to_systems[0]["MessageAttributes"]["type"]["Value"] == first["type"]
    refused, back = to_people
    assert refused["Subject"] == "Hindcast: release b was refused"
    assert "auc: 0.61, required: 0.65\ndecide: hindcast promote b" in refused["Message"]
    assert back["Subject"] == "Hindcast: model risk is back to release a"


@pytest.mark.usefixtures("cloud")
def test_a_topic_that_is_gone_is_tried_again_and_rings_the_alarm_when_an_event_is_dead(
    ledger: Ledger, here: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "DELAYS", (timedelta(0),))
    live(ledger)
    arn = "arn:aws:sns:eu-central-1:123456789012:gone"
    places = replace(here, deployment="staging", events_topic_arn=arn)
    on_aws = Relay(places, ledger.outbox, "/hindcast/staging")
    assert on_aws.drain_loudly().failed == {"sns": 3}
    with pytest.raises(HindcastError, match="dead letters now: 3 at sns"):
        on_aws.drain_loudly()
    assert f"topic {arn}: " in str(ledger.outbox.undelivered()[0][1].error)


@pytest.mark.usefixtures("cloud")
def test_on_aws_a_secret_is_kept_in_secrets_manager(
    ledger: Ledger, here: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("93.184.215.14",))])
    places = replace(here, deployment="staging")
    relay = Relay(places, ledger.outbox, "/hindcast/staging", post=lambda *_: 204)
    manager = boto3.client("secretsmanager", "eu-central-1")
    for _ in range(2):
        made = subscribe(places, ledger.outbox, "crm", "https://crm.test/", [], "ann")
        with ledger.run("train", {}):
            pass
        assert relay.deliver().delivered == {"webhook:crm": 1}
        kept = manager.get_secret_value(SecretId="hindcast-subscriptions/staging/crm")
        assert kept["SecretString"] == made.secret
        unsubscribe(places, ledger.outbox, "crm", "ann")
    with pytest.raises(NotFoundError):
        unsubscribe(places, ledger.outbox, "crm", "ann")
    assert manager.list_secrets()["SecretList"] == []
