"""Whether what is sent arrives: events, files, notices, the lines of answers."""

from aws_cdk import Duration

from hindcast import names
from infra.config import Deployment
from infra.constructs.metrics import Metrics, total
from infra.constructs.notices import RULES
from infra.constructs.watches.watch import Watch

# Functions that are called without anybody who waits for the answer.
ASYNCHRONOUS = ("control", "relay", "ingest")
WITH_QUEUES = ("collect-log", "ingest")
BEHIND_MS = 10 * 60 * 1000  # Lines are gathered for a minute, and tried again for hours.
QUEUES = ("uncollected", "undelivered", "uningested")


def watches(deployment: Deployment, metrics: Metrics) -> list[Watch]:
    """Of functions that are called by events, of queues, rules and topics."""
    return [
        *_queues(metrics),
        *_functions(metrics),
        *_lost(deployment, metrics),
        *_daily(metrics),
        _uncollected(deployment, metrics),
    ]


def _queues(metrics: Metrics) -> list[Watch]:
    waiting = "ApproximateNumberOfMessagesVisible"
    return [
        Watch(
            queue, metrics.queue(waiting, queue), 0, f"The queue '{queue}' holds what failed", 1, 1
        )
        for queue in QUEUES
    ]


def _functions(metrics: Metrics) -> list[Watch]:
    collect = metrics.function("collect-log", "Errors", "Sum")
    ingest = metrics.function("ingest", "Errors", "Sum")
    relay = metrics.function("relay", "Errors", "Sum")
    rotation = metrics.function("rotation", "Errors", "Sum")
    waits = metrics.function("collect-log", "IteratorAge", "Maximum")
    return [
        Watch("collect-behind", waits, BEHIND_MS, "Lines of answers wait for long", 10, 15),
        Watch("collect-errors", collect, 0, "Predictions do not reach the lake"),
        Watch("ingest-errors", ingest, 0, "A file cannot be ingested", 1, 1),
        Watch("relay-errors", relay, 0, "Events do not leave, or a sink never took one", 1, 1),
        Watch("rotation-errors", rotation, 0, "The worker's password is not changed", 1, 1),
    ]


def _lost(deployment: Deployment, metrics: Metrics) -> list[Watch]:
    """What AWS could not hand over, and will not try again."""
    small = {"warm": deployment.warmup.minutes, "probe": deployment.watching.probes}
    called = [*ASYNCHRONOUS, *(name for name, is_there in small.items() if is_there)]
    dropped = total(
        [
            *(metrics.function(name, "AsyncEventsDropped", "Sum") for name in called),
            *(metrics.function(name, "DestinationDeliveryFailures", "Sum") for name in WITH_QUEUES),
        ],
        "dropped",
    )
    rules = (*RULES, "incoming", "to-score")
    unsent = total([metrics.rule("FailedInvocations", rule) for rule in rules], "not handed over")
    topics = ("notices", "events")
    failed = "NumberOfNotificationsFailed"
    untold = total([metrics.topic(failed, topic) for topic in topics], "not delivered")
    stopped = [
        Watch(
            "failed-invocations",
            metrics.rule("FailedInvocations", f"rebuild-stopped-{model}"),
            0,
            "EventBridge could not reach a target",
            1,
            1,
            subject=model,
        )
        for model in deployment.models
    ]
    return [
        *stopped,
        Watch("events-dropped", dropped, 0, "Lambda gave events up", 1, 1),
        Watch("failed-invocations", unsent, 0, "EventBridge could not reach a target", 1, 1),
        Watch("notices-undelivered", untold, 0, "SNS could not reach a subscriber", 1, 1),
    ]


def _daily(metrics: Metrics) -> list[Watch]:
    """What the control function does once or twice a day, and says how it went."""
    whole, day = (names.METRIC_PART, names.ALL_PARTS), Duration.days(1)
    damage = metrics.hindcast(names.METRIC_DAMAGE, *whole, day)
    compaction = metrics.hindcast(names.METRIC_COMPACTION, *whole, day)
    changed = "The ledger or a release is not as it was written, or nobody says whether it is"
    scattered = "The collected predictions are not compacted, or nobody says whether they are"
    return [
        Watch("damage", damage, 0, changed, 1, 1, True),
        Watch("compaction", compaction, 0, scattered, 1, 1, True),
    ]


def _uncollected(deployment: Deployment, metrics: Metrics) -> Watch:
    """Answers given against answers collected, beyond the hour at whose end some are on the way."""
    limit = deployment.thresholds.uncollected_percent
    few = "Fewer answers come to the lake than are given"
    return Watch("answers-uncollected", metrics.uncollected_percent(), limit, few, 3, 3)
