"""One frozen object per deployment; another market or another region is one more of them."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from infra.checks import check_deployment
from infra.choices import Canary, Recovery, Schedule, Sizes, Thresholds, Training, Warmup
from infra.project import EXAMPLE, KNOWN, Project, Table
from infra.watching import Watching

# What has an image, which installs an extra of the wheel; predict's holds one model's release.
PREDICT = "predict"
FUNCTIONS = (
    PREDICT,
    "train",
    "evaluate",
    "control",
    "control-api",
    "collect-log",
    "drift",
    "batch",
)
# Kinesis takes a thousand records a second and MB; a line is a record where it comes alone.
LINES_A_SHARD = 1000
# The stacks of a deployment, each after those that it builds on.
CAPABILITIES = (
    "access",
    "network",
    "data",
    "features",
    "models",
    "api",
    "orchestration",
    "monitoring",
)
# What a standby has beside these from the first day, in the place of what it stores; and what its
# templates are told when it takes over: to take no more replicas, of which backups to begin.
RECOVERY = "recovery"
FENCED, BACKUPS = "Fenced", "AutomatedBackups"
# Below the bucket of heads: a ledger's, and those of one that goes on from it.
HEADS, RECOVERED = "ledger", "recovered"


@dataclass(frozen=True)
class Deployment:
    """One Hindcast: a market in a region. `protected` keeps what is stored and refuses deletion."""

    name: str
    market: str
    region: str
    protected: bool
    account: str | None = None  # None: that of whoever deploys.
    zones: tuple[str, ...] = ("a", "b")
    network: str = "10.20.0.0/16"
    project: Project | None = None  # Whose definitions it runs; None: the example in the wheel.
    log_days: int = 90
    # Of callers of the control API: patterns of ARNs -> viewer, operator or approver.
    roles: Mapping[str, str] = field(default_factory=dict)
    sizes: Sizes = field(default_factory=Sizes)
    schedule: Schedule = field(default_factory=Schedule)
    training: Training = field(default_factory=Training)
    warmup: Warmup = field(default_factory=Warmup)
    canary: Canary = field(default_factory=Canary)
    thresholds: Thresholds = field(default_factory=Thresholds)
    recovery: Recovery | None = None  # None: what a region loses is lost.
    # What Route 53 looks at: a route that anybody may call, or an alarm of the private API.
    health: str = "alarm"
    takes_over: str | None = None  # The deployment that this one is the standby of.
    watching: Watching = field(default_factory=Watching)

    def __post_init__(self) -> None:
        check_deployment(self)

    @property
    def tables(self) -> tuple[Table, ...]:
        """What Athena shows of the lake."""
        return (self.project or EXAMPLE).tables

    @property
    def views(self) -> tuple[str, ...]:
        """The feature views that are refreshed and watched."""
        return (self.project or EXAMPLE).views

    @property
    def models(self) -> tuple[str, ...]:
        """The models, each with a function, a stage and a rebuild machine of its own."""
        return (self.project or EXAMPLE).models

    def rebuilt(self) -> dict[str, Any]:
        """What a rebuild is started with, beside the model."""
        # jsii takes lists, and no tuples.
        canary = {**asdict(self.canary), "steps": list(self.canary.steps)}
        return {"training": self.training.path, "canary": canary}

    @property
    def line_shards(self) -> int:
        """The shards of the stream that lines of answers go by, at the most that may be asked."""
        most = self.sizes.requests_per_second * len(self.models)
        return math.ceil(most / LINES_A_SHARD)

    @property
    def repositories(self) -> tuple[tuple[str, str], ...]:
        """Every repository, without the prefix, and the image that a version puts into it."""
        of_models = [(f"{PREDICT}-{model}", PREDICT) for model in self.models]
        return (*of_models, *((name, name) for name in FUNCTIONS if name != PREDICT))

    @property
    def standby(self) -> "Deployment | None":
        """What takes this one's place in the second region; None without one.

        Everything is named apart, but for the buckets, whose names have the region.
        """
        if self.recovery is None:
            return None
        return replace(
            self,
            name=f"{self.name}-standby",
            region=self.recovery.region,
            network=self.recovery.network,
            recovery=None,
            takes_over=self.name,
            canary=Canary(steps=(50,)),  # Of a release that was in production already.
            # Nobody asks it yet, and the account has its budget.
            watching=replace(self.watching, traffic={}, probes={}, budget=0),
        )

    @property
    def prefix(self) -> str:
        """What every name begins with."""
        return f"hindcast-{self.name}"

    @property
    def stored_prefix(self) -> str:
        """What the names begin with of what a standby has from the deployment it stands by for."""
        return f"hindcast-{self.takes_over or self.name}"

    def named(self, what: str) -> str:
        """The name of a stack, function, repository, machine, job, topic or alarm."""
        return f"{self.prefix}-{what}"

    def of_model(self, what: str, model: str) -> str:
        """The name of what one model has to itself: the model comes last, and whole."""
        return self.named(f"{what}-{model}")

    def delivered_by(self, step: str) -> str:
        """The role that a step of the pipeline takes in the deployment's account."""
        return self.named(f"delivery-{step}")

    def bucket(self, what: str, account: str) -> str:
        """A bucket's name; those are one namespace for all accounts and regions."""
        return f"{self.stored_prefix}-{what}-{account}-{self.region}"


@dataclass(frozen=True)
class Repository:
    """Where the source is; the connection is made once, by hand, in the console."""

    connection: str
    owner: str
    name: str
    branch: str = "main"


@dataclass(frozen=True)
class Delivery:
    """One pipeline: what it builds goes to staging, and after an approval to all of production.

    `known` has a question for each of staging's models that it can answer, for the smoke test: the
    body of a /predict, or of a /score where it has features.
    """

    name: str
    region: str
    repository: Repository
    staging: Deployment
    production: tuple[Deployment, ...]
    known: Mapping[str, Mapping[str, Any]]
    account: str | None = None
    log_days: int = 90

    def __post_init__(self) -> None:
        if missing := set(self.staging.models) - self.known.keys():
            raise ValueError(
                f"pipeline '{self.name}': known has no question for {', '.join(sorted(missing))}: "
                f"give one that {self.staging.name} can answer"
            )
        for deployment in self.deployments:
            if (deployment.account is None) != (self.account is None):
                raise ValueError(
                    f"{deployment.name}: account {deployment.account}, that of the pipeline "
                    f"'{self.name}' {self.account}: give both a number, or neither"
                )

    @property
    def prefix(self) -> str:
        """What every name of the pipeline begins with."""
        return f"hindcast-{self.name}"

    def built(self, image: str) -> str:
        """The repository that a build pushes an image to, and every deployment gets it from."""
        return f"{self.prefix}-built-{image}"

    def step(self, step: str, deployment: Deployment) -> str:
        """The project, and the role, of a step of one deployment."""
        return f"{self.prefix}-{step}-{deployment.name}"

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        """Every deployment that the pipeline reaches, in its order."""
        return (self.staging, *self.production)

    def keeps_training_log(self, deployment: Deployment) -> bool:
        """Whether the one log of training jobs in an account and region is this deployment's.

        SageMaker names it. Of several deployments there it is the first that is protected.
        """
        place = (deployment.account, deployment.region)
        # It is one of them, but where a deployment is made apart from the pipeline.
        others = [one for one in self.deployments if (one.account, one.region) == place]
        there = others if deployment in others else [*others, deployment]
        return deployment == min(there, key=lambda one: not one.protected)

    @property
    def standbys(self) -> tuple[Deployment, ...]:
        """What would take the place of those that have a second region."""
        return tuple(one.standby for one in self.deployments if one.standby is not None)


# Three accounts, so that what builds and tests cannot reach what serves. To be edited by whoever
# deploys; without any numbers everything is in the account of whoever does.
PIPELINE_ACCOUNT, STAGING_ACCOUNT, PRODUCTION_ACCOUNT = (
    "111111111111",
    "222222222222",
    "333333333333",
)
# Whoever deploys gives the addresses of those who are to hear the alarms.
WATCHING = Watching(subscribers=("alarms@example.com",), probes=KNOWN, budget=500)
STAGING = Deployment(
    name="staging",
    account=STAGING_ACCOUNT,
    market="eu",
    region="eu-west-1",
    protected=False,
    log_days=30,
    canary=Canary(steps=(50,), looks=7),
    watching=WATCHING,
)
PRODUCTION = Deployment(
    name="production",
    account=PRODUCTION_ACCOUNT,
    market="eu",
    region="eu-west-1",
    protected=True,
    zones=("a", "b", "c"),
    network="10.30.0.0/16",
    log_days=365,
    sizes=Sizes(
        database_class="m7g.large",
        database_storage=200,
        database_standby=True,
        glue_workers=10,
        predict_memory=1769,  # One whole vCPU.
        predict_concurrency=200,
        requests_per_second=500,
        requests_burst=1000,
        requests_per_day=20_000_000,
    ),
    recovery=Recovery(region="eu-central-1", network="10.31.0.0/16"),
    health="public",
    watching=replace(WATCHING, availability=99.95, traffic={"credit_risk": 100}, budget=1500),
)


def another(base: Deployment, name: str, market: str, region: str, network: str) -> Deployment:
    """The same in another market or region: one line of config, but for a second region of its."""
    other = replace(base, recovery=None)
    return replace(other, name=name, market=market, region=region, network=network)


DELIVERY = Delivery(
    name="main",
    account=PIPELINE_ACCOUNT,
    region="eu-west-1",
    repository=Repository(
        # To be edited by whoever deploys, with owner and name: a connection is made by hand in the
        # console (Developer Tools, Settings, Connections). Its ARN is not a secret.
        connection="arn:aws:codeconnections:eu-west-1:111111111111:connection/"
        "00000000-0000-0000-0000-000000000000",
        owner="hindcast",
        name="hindcast",
    ),
    staging=STAGING,
    production=(PRODUCTION,),
    known=KNOWN,
)
