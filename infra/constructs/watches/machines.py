"""How executions of the state machines end badly."""

from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.constructs.jobs import JOBS
from infra.constructs.metrics import Metrics
from infra.constructs.watches.watch import Watch

# The metric, and what it means. Only an execution that is ended from outside may leave a canary.
_ENDS = {
    "failed": ("ExecutionsFailed", "failed"),
    "aborted": ("ExecutionsAborted", "was stopped, and could not clean up"),
    "timed-out": ("ExecutionsTimedOut", "took too long, and could not clean up"),
}


def watches(addresses: Addresses, metrics: Metrics, scope: Construct) -> list[Watch]:
    """Of every machine."""
    rebuilds = [
        watch
        for model in addresses.deployment.models
        for watch in _ends(addresses, metrics, scope, names.REBUILD, model)
    ]
    jobs = [_job(addresses, metrics, scope, job) for job in ("batch", *JOBS)]
    return [*rebuilds, *_ends(addresses, metrics, scope, "refresh"), *jobs]


def _ends(
    addresses: Addresses, metrics: Metrics, scope: Construct, kind: str, model: str = ""
) -> list[Watch]:
    """Of a machine that cleans up; model: whose it is."""
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
