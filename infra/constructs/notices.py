"""The topic that tells people, and the rules that make it speak of what failed."""

from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.watching import EMAIL

RULES = ("machine-stopped", "glue-job-failed", "image-vulnerable")
# Beside Hindcast's own: alarms, and the budget.
PUBLISHERS = ("cloudwatch.amazonaws.com", "budgets.amazonaws.com")


class Notices(Construct):
    """An encrypted topic; alarms, state machines, the evaluation and these rules publish to it."""

    def __init__(
        self, scope: Construct, id: str, addresses: Addresses, key: kms.IKey, failed: sqs.Queue
    ) -> None:
        super().__init__(scope, id)
        self._failed, self._addresses = failed, addresses
        self.topic = self._topic(addresses, key)
        for subscriber in addresses.deployment.watching.subscribers:
            self.topic.add_subscription(_subscription(subscriber))
        self._rules(addresses)

    def _topic(self, addresses: Addresses, key: kms.IKey) -> sns.Topic:
        topic = sns.Topic(
            self,
            "Topic",
            topic_name=addresses.named("notices"),
            display_name=f"Hindcast {addresses.deployment.name}",
            master_key=key,
            enforce_ssl=True,
        )
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service) for service in PUBLISHERS],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        return topic

    def _rules(self, addresses: Addresses) -> None:
        rebuilds = [f"{names.REBUILD}-{model}" for model in addresses.deployment.models]
        machines = [addresses.machine_arn(self, name) for name in ("refresh", *rebuilds)]
        repositories = [addresses.named(name) for name, _ in addresses.deployment.repositories]
        self._when(
            "MachineStopped",
            RULES[0],
            # A machine that fails tells so itself; one that is stopped from outside cannot.
            {
                "source": ["aws.states"],
                "detail_type": ["Step Functions Execution Status Change"],
                "detail": {"stateMachineArn": machines, "status": ["TIMED_OUT", "ABORTED"]},
            },
        )
        self._when(
            "JobFailed",
            RULES[1],
            {
                "source": ["aws.glue"],
                "detail_type": ["Glue Job State Change"],
                "detail": {
                    "jobName": [addresses.named("refresh")],
                    "state": ["FAILED", "TIMEOUT", "ERROR"],
                },
            },
        )
        self._when(
            "ImageVulnerable",
            RULES[2],
            {
                "source": ["aws.ecr"],
                "detail_type": ["ECR Image Scan"],
                "detail": {
                    "repository-name": repositories,
                    "finding-severity-counts": {"CRITICAL": [{"numeric": [">", 0]}]},
                },
            },
        )

    def _when(self, id: str, name: str, pattern: dict[str, Any]) -> None:
        target = targets.SnsTopic(self.topic, dead_letter_queue=self._failed)
        events.Rule(
            self,
            id,
            rule_name=self._addresses.named(name),  # An alarm counts what it cannot hand over.
            event_pattern=events.EventPattern(**pattern),
            targets=[target],
        )


def _subscription(to: str) -> sns.ITopicSubscription:
    """By e-mail, or to a URL; either is asked first whether it wants it."""
    if EMAIL.fullmatch(to):
        return subscriptions.EmailSubscription(to)
    return subscriptions.UrlSubscription(to)
