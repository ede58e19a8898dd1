"""Alarms: what is wrong enough to tell a person, and to end a canary."""

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.burn_rate import error_budgets
from infra.constructs.watches import alarm, watches


class Alarms(Construct):
    """Every alarm of a deployment, told to one topic."""

    def __init__(self, scope: Construct, id: str, addresses: Addresses, topic_arn: str) -> None:
        super().__init__(scope, id)
        topic = sns.Topic.from_topic_arn(self, "Topic", topic_arn)
        tell = actions.SnsAction(topic)
        self.all: list[cloudwatch.AlarmBase] = [
            *(alarm(self, addresses, watch) for watch in watches(addresses, self)),
            *error_budgets(self, addresses),
        ]
        for each in self.all:
            each.add_alarm_action(tell)
            each.add_ok_action(tell)
