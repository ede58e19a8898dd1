"""Where other systems get events from: a bus of EventBridge, and a topic of SNS."""

from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.addresses import Addresses


class Events(Construct):
    """A bus and a topic that the relay alone publishes to; rules and subscriptions are yours.

    Events hold no secret and no entity's key, so that the bus is encrypted as AWS does by itself.
    """

    def __init__(self, scope: Construct, id: str, addresses: Addresses, key: kms.IKey) -> None:
        super().__init__(scope, id)
        name = addresses.named("events")
        events.EventBus(self, "Bus", event_bus_name=name)
        sns.Topic(self, "Topic", topic_name=name, master_key=key, enforce_ssl=True)
