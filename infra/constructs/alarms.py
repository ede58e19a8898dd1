"""Alarms: what is wrong enough to tell a person, and to end a canary."""

from dataclasses import dataclass, replace

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.choices import Thresholds, Warmup
from infra.constructs.jobs import JOBS
from infra.constructs.metrics import Metrics

# How an execution ends badly: the metric, and what it means. Only one that is ended from outside
# may leave a canary.
_ENDS = {
    "failed": ("ExecutionsFailed", "failed"),
    "aborted": ("ExecutionsAborted", "was stopped, and could not clean up"),
    "timed-out": ("ExecutionsTimedOut", "took too long, and could not clean up"),
}


@dataclass(frozen=True)
class Watch:
    """An alarm: a metric above a limit, for so many minutes (or hours) of the last so many.

    subject: the view or the model that it is about, where each has an alarm of its own.
    """

    name: str
    metric: cloudwatch.IMetric
    limit: float
    means: str
    times: int = 3
    of: int = 5
    # Nobody asking is no fault; a metric that must come and does not is one.
    must_come: bool = False
    subject: str = ""

    @property
    def full_name(self) -> str:
        """The name, with the subject's."""
        return f"{self.name}-{self.subject}" if self.subject else self.name


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
    metrics, deployment = Metrics(addresses), addresses.deployment
    of_models = [
        watch
        for model in deployment.models
        for watch in (
            *_traffic(deployment.thresholds, metrics, model),
            *_model(deployment.thresholds, metrics, model),
            *_ends(addresses, metrics, scope, names.REBUILD, model),
            *_warm(deployment.warmup, metrics, model),
        )
    ]
    return [
        *of_models,
        *(_features(deployment.thresholds, metrics, view) for view in deployment.views),
        *_ends(addresses, metrics, scope, "refresh"),
        *(_job(addresses, metrics, scope, job) for job in ("batch", *JOBS)),
        *_shared(deployment.thresholds, metrics),
    ]


def _traffic(limits: Thresholds, metrics: Metrics, model: str) -> list[Watch]:
    """Of a model's stage and function: those that end its canary."""
    errors = metrics.error_percent(model)
    # Looked at alone: in the whole traffic a canary's errors are a few of many.
    of_canary = metrics.error_percent(model, canary=True)
    slow = metrics.gateway(model, "Latency", "p99")
    broken = metrics.predict(model, "Errors", "Sum")
    throttled = metrics.predict(model, "Throttles", "Sum")
    room = "Predict has no room for more requests; see predict_concurrency"
    percent = limits.error_percent
    found = [
        Watch("api-errors", errors, percent, "Answers fail"),
        Watch("canary-errors", of_canary, percent, "The canary's answers fail", 2, 3),
        Watch("api-latency", slow, limits.latency_p99_ms, "Answers are slow (p99)"),
        Watch("predict-errors", broken, 0, "Predict breaks", 2, 3),
        Watch("predict-throttles", throttled, limits.throttles, room, 2, 3),
    ]
    return [replace(watch, subject=model) for watch in found]


def _model(limits: Thresholds, metrics: Metrics, model: str) -> list[Watch]:
    age = metrics.hindcast(names.METRIC_MODEL_AGE, names.METRIC_MODEL, model)
    drift = metrics.hindcast(names.METRIC_DRIFT, names.METRIC_MODEL, model)
    old = "The model in production is old, or nobody says how old"
    other = "What is asked or answered differs from what the model was trained on"
    return [
        Watch("model-age", age, limits.model_age_days, old, 1, 1, True, model),
        Watch("drift", drift, limits.drift, other, 1, 1, subject=model),
    ]


def _warm(warmup: Warmup, metrics: Metrics, model: str) -> list[Watch]:
    """Whether warm-ups fail, or none comes, for two half-hours: each has two of them at least.

    None comes where the function is not called, has no room, or does not end.
    """
    if not warmup.minutes:
        return []
    name = names.METRIC_WARMUP
    failures = metrics.hindcast(name, names.METRIC_MODEL, model, Duration.minutes(30))
    means = "Predict is not kept warm, or nobody says whether it is"
    return [Watch("warmup-failures", failures, 0, means, 2, 2, True, model)]


def _features(limits: Thresholds, metrics: Metrics, view: str) -> Watch:
    age = metrics.hindcast(names.METRIC_FEATURE_AGE, names.METRIC_VIEW, view)
    old = "Features are old, or nobody says how old"
    return Watch("feature-age", age, limits.feature_age_hours, old, 1, 1, True, view)


def _ends(
    addresses: Addresses, metrics: Metrics, scope: Construct, kind: str, model: str = ""
) -> list[Watch]:
    """How executions of a machine end badly; model: whose it is."""
    arn = addresses.machine_arn(scope, f"{kind}-{model}" if model else kind)
    return [
        Watch(
            f"{kind}-{end}",
            metrics.machine(metric, arn),
            0,
            f"A {kind} {means}",
            1,
            1,
            False,
            model,
        )
        for end, (metric, means) in _ENDS.items()
    ]


def _job(addresses: Addresses, metrics: Metrics, scope: Construct, job: str) -> Watch:
    """Of a job's machine; that a person stopped one is nobody's fault."""
    ends = metrics.bad_ends(addresses.machine_arn(scope, job))
    return Watch("job-failed", ends, 0, "A job failed or took too long", 1, 1, subject=job)


def _shared(limits: Thresholds, metrics: Metrics) -> list[Watch]:
    """Of what all views and models have in common."""
    pinned = metrics.proxy("DatabaseConnectionsCurrentlySessionPinned")
    kept = "Sessions keep the proxy's connections to themselves"
    collect = metrics.function("collect-log", "Errors", "Sum")
    ingest = metrics.function("ingest", "Errors", "Sum")
    relay = metrics.function("relay", "Errors", "Sum")
    day, whole = Duration.days(1), names.ALL_PARTS
    damage = metrics.hindcast(names.METRIC_DAMAGE, names.METRIC_PART, whole, day)
    changed = "The ledger or a release is not as it was written, or nobody says whether it is"
    waiting = "ApproximateNumberOfMessagesVisible"
    queues = {
        queue: metrics.queue(waiting, queue)
        for queue in ("uncollected", "undelivered", "uningested")
    }
    return [
        Watch("pinned-connections", pinned, limits.pinned_connections, kept),
        *(
            Watch(queue, held, 0, f"The queue '{queue}' holds what failed", 1, 1)
            for queue, held in queues.items()
        ),
        Watch("damage", damage, 0, changed, 1, 1, True),
        Watch("collect-errors", collect, 0, "Predictions do not reach the lake"),
        Watch("ingest-errors", ingest, 0, "A file cannot be ingested", 1, 1),
        Watch("relay-errors", relay, 0, "Events do not leave, or a sink never took one", 1, 1),
    ]


def _alarm(scope: Construct, addresses: Addresses, watch: Watch) -> cloudwatch.Alarm:
    missing = cloudwatch.TreatMissingData
    whose = ", ".join(filter(None, (addresses.deployment.name, watch.subject)))
    return cloudwatch.Alarm(
        scope,
        watch.full_name,
        alarm_name=addresses.named(watch.full_name),
        alarm_description=f"{watch.means} ({whose}). See docs/operations.md#{watch.name}",
        metric=watch.metric,
        threshold=watch.limit,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        datapoints_to_alarm=watch.times,
        evaluation_periods=watch.of,
        treat_missing_data=missing.BREACHING if watch.must_come else missing.NOT_BREACHING,
    )
