"""What the tests deploy: the repository's own config, another market, and a second region."""

from dataclasses import replace

from infra.config import CAPABILITIES, DELIVERY, PRODUCTION, RECOVERY, STAGING, another
from infra.project import Project

# Each is the one line of config that the issue asks for.
MARKET = another(PRODUCTION, "production-us", "us", "us-east-1", "10.40.0.0/16")
# With definitions of its own, which only the build looks for: several of everything, and a model
# whose name begins as another's.
MODELS = ("credit", "credit-v2")
OWN = Project(
    "projects/loans",
    sources=("applications", "loans"),
    views=("loan_history", "income"),
    models=MODELS,
)
MARKET = replace(
    MARKET,
    project=OWN,
    watching=replace(
        MARKET.watching,
        subscribers=("alarms@example.com", "https://example.com/alarms"),
        traffic={"credit": 60},
        probes={"credit": {"id": 7}, "credit-v2": {"features": {"income": 1}}},
    ),
    schedule=replace(
        MARKET.schedule,
        rebuilds={"credit-v2": "cron(0 7 * * ? *)"},
        batches={"monthly": "cron(0 4 1 * ? *)"},
    ),
)
assert PRODUCTION.standby is not None
STANDBY = PRODUCTION.standby

TESTED = replace(DELIVERY, production=(PRODUCTION, MARKET))
STACKS = [f"hindcast-{one.name}-{what}" for one in TESTED.deployments for what in CAPABILITIES]
STANDBY_STACKS = [STANDBY.named(RECOVERY), *map(STANDBY.named, CAPABILITIES[1:])]
DELIVERY_STACK, BUILT_STACK = "hindcast-main-delivery", "hindcast-main-built"
ACCESS_STACK = STAGING.named("access")
# One snapshot per stack: of staging, which is smallest, and of the pipeline.
SNAPSHOTS = [*(STAGING.named(what) for what in CAPABILITIES), BUILT_STACK, DELIVERY_STACK]
SNAPSHOTS.append(STANDBY.named(RECOVERY))


def models_of(stack: str) -> tuple[str, ...]:
    """The models of the deployment that a stack is of."""
    every, prefix = (*TESTED.deployments, STANDBY), stack.rpartition("-")[0]
    return next(one.models for one in every if one.prefix == prefix)
