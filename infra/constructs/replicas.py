"""Alarms on what a second region is given: late, or not at all.

S3 says how late copies are where they arrive, and which failed where they were to leave.
"""

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.replication import MINUTES, REPLICATED, RULE

TOPIC = "replicas"
_MISSING = cloudwatch.TreatMissingData.NOT_BREACHING


class ReplicaAlarms(Construct):
    """A topic of the second region, and an alarm for each bucket whose copies are late."""

    def __init__(
        self, scope: Construct, id: str, standby: Addresses, first: Addresses, key: kms.IKey
    ) -> None:
        super().__init__(scope, id)
        topic = sns.Topic(
            self, "Topic", topic_name=standby.named(TOPIC), master_key=key, enforce_ssl=True
        )
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        for name in REPLICATED:
            metric = _metric("ReplicationLatency", name, first, standby)
            late = cloudwatch.Alarm(
                self,
                f"Late-{name}",
                alarm_name=standby.named(f"replication-late-{name}"),
                alarm_description=f"Copies of {name} come later than the {MINUTES} minutes that "
                "the recovery point stands for. See docs/recovery.md#replication-late",
                metric=metric,
                threshold=MINUTES * 60,
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
                evaluation_periods=5,
                datapoints_to_alarm=3,
                treat_missing_data=_MISSING,
            )
            late.add_alarm_action(actions.SnsAction(topic))
            late.add_ok_action(actions.SnsAction(topic))


class FailedReplicas(Construct):
    """An alarm of the first region for each bucket: an object that will never be copied."""

    def __init__(
        self, scope: Construct, id: str, first: Addresses, standby: Addresses, topic_arn: str
    ) -> None:
        super().__init__(scope, id)
        topic = sns.Topic.from_topic_arn(self, "Topic", topic_arn)
        self.all = [self._alarm(name, first, standby) for name in REPLICATED]
        for alarm in self.all:
            alarm.add_alarm_action(actions.SnsAction(topic))
            alarm.add_ok_action(actions.SnsAction(topic))

    def _alarm(self, name: str, first: Addresses, standby: Addresses) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            f"Failed-{name}",
            alarm_name=first.named(f"replication-failed-{name}"),
            alarm_description=f"Objects of {name} were not copied to the second region "
            f"({first.deployment.name}). See docs/recovery.md#replication-failed",
            metric=_metric("OperationsFailedReplication", name, first, standby, "Sum"),
            threshold=0,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=_MISSING,
        )


def _metric(
    name: str, bucket: str, first: Addresses, standby: Addresses, statistic: str = "Maximum"
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/S3",
        metric_name=name,
        statistic=statistic,
        period=Duration.minutes(1),
        dimensions_map={
            "SourceBucket": first.bucket(bucket),
            "DestinationBucket": standby.bucket(bucket),
            "RuleId": RULE,
        },
    )
