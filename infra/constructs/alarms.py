"""Alarms: what is wrong enough to tell a person, and to end a canary."""

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.constructs.metrics import Metrics

HOUR = Duration.hours(1)
# How an execution ends badly: the metric, and what it means. Only one that is ended from outside
# may leave a canary.
_ENDS = {
    "failed": ("ExecutionsFailed", "failed"),
    "aborted": ("ExecutionsAborted", "was stopped, and could not clean up"),
    "timed-out": ("ExecutionsTimedOut", "took too long, and could not clean up"),
}


@dataclass(frozen=True)
class Watch:
    """An alarm: a metric above a limit, for so many minutes (or hours) of the last so many."""

    name: str
    metric: cloudwatch.IMetric
    limit: float
    means: str
    times: int = 3
    of: int = 5
    # Nobody asking is no fault; a metric that must come and does not is one.
    must_come: bool = False


class Alarms(Construct):
    """Every alarm of a deployment, told to one topic."""

    def __init__(self, scope: Construct, id: str, addresses: Addresses, topic_arn: str) -> None:
        super().__init__(scope, id)
        topic = sns.Topic.from_topic_arn(self, "Topic", topic_arn)
        tell = actions.SnsAction(topic)
        self.all = [_alarm(self, addresses, watch) for watch in watches(addresses, self)]
        for alarm in self.all:
            alarm.add_alarm_action(tell)
            alarm.add_ok_action(tell)


def watches(addresses: Addresses, scope: Construct) -> list[Watch]:
    """All there is to watch."""
    metrics = Metrics(addresses)
    return [
        *_traffic(addresses, metrics),
        *_data_and_models(addresses, metrics),
        *_failures(addresses, metrics, scope),
    ]


def _traffic(addresses: Addresses, metrics: Metrics) -> list[Watch]:
    limits = addresses.deployment.thresholds
    percent, slow = limits.error_percent, limits.latency_p99_ms
    return [
        Watch("api-errors", metrics.error_percent(), percent, "Answers fail"),
        # Looked at alone: in the whole traffic a canary's errors are a few of many.
        Watch(
            "canary-errors",
            metrics.error_percent(canary=True),
            percent,
            "The canary's answers fail",
            times=2,
            of=3,
        ),
        Watch("api-latency", metrics.gateway("Latency", "p99"), slow, "Answers are slow (p99)"),
        Watch("predict-errors", metrics.function("Errors", "Sum"), 0, "Predict breaks", 2, 3),
        Watch(
            "predict-throttles",
            metrics.function("Throttles", "Sum"),
            limits.throttles,
            "Predict has no room for more requests; see predict_concurrency",
            2,
            3,
        ),
        Watch(
            "pinned-connections",
            metrics.proxy("DatabaseConnectionsCurrentlySessionPinned"),
            limits.pinned_connections,
            "Sessions keep the proxy's connections to themselves",
        ),
    ]


def _data_and_models(addresses: Addresses, metrics: Metrics) -> list[Watch]:
    limits = addresses.deployment.thresholds
    return [
        Watch(
            "feature-age",
            metrics.hindcast(names.METRIC_FEATURE_AGE, HOUR),
            limits.feature_age_hours,
            "Features are old, or nobody says how old",
            1,
            1,
            True,
        ),
        Watch(
            "model-age",
            metrics.hindcast(names.METRIC_MODEL_AGE, HOUR),
            limits.model_age_days,
            "The model in production is old, or nobody says how old",
            1,
            1,
            True,
        ),
        Watch(
            "drift",
            metrics.hindcast(names.METRIC_DRIFT, HOUR),
            limits.drift,
            "What is asked differs from what the model was trained on; silent until drift is "
            "measured",
            1,
            1,
        ),
    ]


def _failures(addresses: Addresses, metrics: Metrics, scope: Construct) -> list[Watch]:
    found = []
    for machine in ("refresh", "rebuild"):
        arn = addresses.machine_arn(scope, machine)
        for end, (metric, means) in _ENDS.items():
            count = metrics.machine(metric, arn)
            found.append(Watch(f"{machine}-{end}", count, 0, f"A {machine} {means}", 1, 1))
    waiting = "ApproximateNumberOfMessagesVisible"
    for queue in ("uncollected", "undelivered", "uningested"):
        held = metrics.queue(waiting, queue)
        found.append(Watch(queue, held, 0, f"The queue '{queue}' holds what failed", 1, 1))
    errors = metrics.function("Errors", "Sum", "collect-log")
    found.append(Watch("collect-errors", errors, 0, "Predictions do not reach the lake"))
    errors = metrics.function("Errors", "Sum", "ingest")
    found.append(Watch("ingest-errors", errors, 0, "A file cannot be ingested", 1, 1))
    return found


def _alarm(scope: Construct, addresses: Addresses, watch: Watch) -> cloudwatch.Alarm:
    missing = cloudwatch.TreatMissingData
    return cloudwatch.Alarm(
        scope,
        watch.name,
        alarm_name=addresses.named(watch.name),
        alarm_description=(
            f"{watch.means} ({addresses.deployment.name}). See docs/operations.md#{watch.name}"
        ),
        metric=watch.metric,
        threshold=watch.limit,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        datapoints_to_alarm=watch.times,
        evaluation_periods=watch.of,
        treat_missing_data=missing.BREACHING if watch.must_come else missing.NOT_BREACHING,
    )
