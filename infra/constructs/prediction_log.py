"""From the predict functions' logs to the lake: every answer, and what could not be delivered.

By a stream, as a commit of the lake costs as much for one line as for thousands: CloudWatch hands
over what one environment of predict wrote in a moment, the stream what all did in a minute.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.permissions import acknowledge, allow, allow_key, role

if TYPE_CHECKING:
    from infra.constructs.image_function import ImageFunction

# How long records wait for others, and how long they are tried; Lambda takes 6 MB of them at once.
GATHERED, TRIED = Duration.minutes(1), Duration.hours(6)


class PredictionLog(Construct):
    """A subscription to each model's prediction lines; what fails for hours is told by a queue."""

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
        self.stream = kinesis.Stream(
            self,
            "Lines",
            stream_name=addresses.named("lines"),
            shard_count=addresses.deployment.line_shards,
            encryption=kinesis.StreamEncryption.KMS,
            encryption_key=key,
            retention_period=Duration.days(1),
        )
        reason = "It has the deployment's key, which the rule cannot see in another stack."
        acknowledge(self.stream, reason, "AwsSolutions-KDS3")
        self._subscribe(predict, self._hands_over(key))
        self._collect(collector)

    def _hands_over(self, key: kms.IKey) -> iam.Role:
        """As whom CloudWatch writes to the stream."""
        to = role(self, "HandsOver", "logs.amazonaws.com", "Hands lines of answers to the stream")
        allow(to, ["kinesis:PutRecord", "kinesis:PutRecords"], [self.stream.stream_arn])
        allow_key(to, key.key_arn)
        return to

    def _subscribe(self, predict: Mapping[str, "ImageFunction"], hands_over: iam.Role) -> None:
        for model, function in predict.items():
            subscription = logs.CfnSubscriptionFilter(
                self,
                f"Predictions-{model}",
                log_group_name=function.log.log_group_name,
                destination_arn=self.stream.stream_arn,
                role_arn=hands_over.role_arn,
                filter_pattern=logs.FilterPattern.string_value(
                    "$.message", "=", names.PREDICTION_MESSAGE
                ).log_pattern_string,
            )
            subscription.node.add_dependency(hands_over)  # CloudWatch tries it at once.

    def _collect(self, collector: "ImageFunction") -> None:
        """A shard's records in their order, by one call at a time: commits wait for each other."""
        stream, queue = self.stream.stream_arn, self.failed.queue_arn
        reads = ("DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator")
        actions = [f"kinesis:{action}" for action in (*reads, "ListShards")]
        allow(collector.role, actions, [stream])
        allow(collector.role, ["sqs:SendMessage"], [queue])
        source = lambda_.CfnEventSourceMapping(
            self,
            "Source",
            event_source_arn=stream,
            function_name=collector.function.function_name,
            starting_position="TRIM_HORIZON",
            batch_size=10_000,
            maximum_batching_window_in_seconds=GATHERED.to_seconds(),
            bisect_batch_on_function_error=True,
            maximum_record_age_in_seconds=TRIED.to_seconds(),
            destination_config={"onFailure": {"destination": queue}},
        )
        source.node.add_dependency(collector.role)  # Lambda looks at the stream in its name.


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
        maximum_event_age_in_seconds=TRIED.to_seconds(),
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
