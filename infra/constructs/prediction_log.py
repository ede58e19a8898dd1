"""From the predict functions' logs to the lake: every answer, and what could not be delivered."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_logs_destinations as destinations
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.permissions import acknowledge, allow

if TYPE_CHECKING:
    from infra.constructs.image_function import ImageFunction


class PredictionLog(Construct):
    """A subscription to each model's prediction lines; records that fail twice wait in a queue."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        addresses: Addresses,
        predict: Mapping[str, "ImageFunction"],
        collector: "ImageFunction",
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        self.failed = dead_letters(self, "Failed", addresses.named("uncollected"), key)
        keep_failures(self, "Retries", collector, self.failed)
        for model, function in predict.items():
            logs.SubscriptionFilter(
                self,
                f"Predictions-{model}",
                log_group=function.log,
                destination=destinations.LambdaDestination(collector.function),
                filter_pattern=logs.FilterPattern.string_value(
                    "$.message", "=", names.PREDICTION_MESSAGE
                ),
            )


def keep_failures(scope: Construct, id: str, of: "ImageFunction", queue: sqs.Queue) -> None:
    """Try a function's events three times within six hours; then they go to a queue."""
    allow(of.role, ["sqs:SendMessage"], [queue.queue_arn])
    # The plain resource: CDK's own would give the role more than it needs.
    lambda_.CfnEventInvokeConfig(
        scope,
        id,
        function_name=of.function.function_name,
        qualifier="$LATEST",
        maximum_retry_attempts=2,
        maximum_event_age_in_seconds=Duration.hours(6).to_seconds(),
        destination_config={"onFailure": {"destination": queue.queue_arn}},
    )


def dead_letters(scope: Construct, id: str, name: str, key: kms.IKey) -> sqs.Queue:
    """A queue for what could not be delivered, kept as long as SQS can."""
    queue = sqs.Queue(
        scope,
        id,
        queue_name=name,
        encryption=sqs.QueueEncryption.KMS,
        encryption_master_key=key,
        enforce_ssl=True,
        retention_period=Duration.days(14),
    )
    acknowledge(queue, "It is a dead-letter queue itself.", "AwsSolutions-SQS3")
    return queue
