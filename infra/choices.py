"""What a deployment may choose: canary, thresholds, sizes, warm-up, schedules, training."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# What the slowest alarm of a canary needs to ring: five minutes, and two until metrics are there.
ALARM_SECONDS = 7 * 60


@dataclass(frozen=True)
class Canary:
    """How a release takes traffic: its shares in percent, and how often alarms are looked at.

    requests: the fewest in a step that it is judged by. synthetic: whether questions of the rebuild
    itself make up for what callers do not ask; without them such a canary is rolled back.
    """

    steps: tuple[int, ...] = (5, 25, 50)
    looks: int = 10
    look_seconds: int = 60
    requests: int = 100
    synthetic: bool = True

    @property
    def is_long(self) -> bool:
        """Whether an alarm has the time to ring in each step."""
        return self.looks * self.look_seconds >= ALARM_SECONDS


@dataclass(frozen=True)
class Thresholds:
    """Beyond these a person is told, and a canary is rolled back where it caused them."""

    error_percent: float = 1.0
    latency_p99_ms: int = 500
    throttles: int = 0
    feature_age_hours: int = 36
    model_age_days: int = 45
    pinned_connections: int = 5
    drift: int = 0  # Alerts of a check, which are quiet by themselves.
    client_error_percent: float = 20.0  # Of answers: 4xx, which callers are told.
    forbidden: int = 20  # Answers a minute: 403, of the signature, the key or the firewall.
    over_quota: int = 20  # Answers a minute: 429, of the usage plan.
    unknown_id_percent: float = 10.0  # Of questions: a table that shrank answers fast, and no one.
    uncollected_percent: float = 1.0  # Of the lines of answers, for three hours.
    database_cpu_percent: int = 80
    database_free_percent: int = 10  # Of its memory, and of its storage.
    database_connections_percent: int = 80  # Of those that Postgres takes.
    borrow_latency_ms: int = 100  # Until the proxy has a connection.


# GB of the classes that a deployment may choose, which say how many connections Postgres takes.
DATABASE_MEMORY = {"t4g.medium": 4, "m7g.large": 8, "m7g.2xlarge": 32}


@dataclass(frozen=True)
class Sizes:
    """How much of everything; memory in MB, storage in GB."""

    database_class: str = "t4g.medium"
    database_storage: int = 50
    database_standby: bool = False
    glue_worker: str = "G.1X"
    glue_workers: int = 2
    predict_memory: int = 1024
    predict_concurrency: int = 20
    train_memory: int = 8192
    requests_per_second: int = 50
    requests_burst: int = 100
    requests_per_day: int = 1_000_000


@dataclass(frozen=True)
class Warmup:
    """How environments of predict are kept from growing cold; minutes: 5 to 15, or 0 for not.

    concurrent: how many of each version that a stage names. Versions with provisioned concurrency
    are left alone.
    """

    minutes: int = 10
    concurrent: int = 1


@dataclass(frozen=True)
class Schedule:
    """When things happen, as EventBridge's cron expressions in a time zone.

    `rebuilds` has the models, by name, that are not rebuilt when `rebuild` says. `batches` has the
    folders below to-score/ of the lake's bucket whose batch.yaml is scored by schedule.
    """

    refresh: str = "cron(30 3 * * ? *)"
    rebuild: str = "cron(0 5 ? * SUN *)"
    rebuilds: Mapping[str, str] = field(default_factory=dict)
    batches: Mapping[str, str] = field(default_factory=dict)
    measure: str = "cron(10 * * * ? *)"  # Hourly, as the alarms on ages look.
    drift: str = "cron(0 6 * * ? *)"  # Of each model.
    compact: str = "cron(40 2 * * ? *)"  # The predictions of a day, a file for each batch.
    verify: str = "cron(20 2,14 * * ? *)"  # Twice in the day that its alarm looks at.
    relay: str = "rate(1 minute)"  # Events wait that long at most.
    probe: str = "rate(1 minute)"  # Its alarm looks at five.
    timezone: str = "Etc/UTC"

    def of_model(self, model: str) -> str:
        """When a model is rebuilt."""
        return self.rebuilds.get(model, self.rebuild)


@dataclass(frozen=True)
class Recovery:
    """The second region that everything stored is replicated to, and the network it would have.

    What serves there is deployed when it has to: `python -m infra.delivery fail-over`.
    """

    region: str
    network: str


@dataclass(frozen=True)
class Training:
    """Where a rebuild trains: the Lambda, or the same image as a SageMaker job on any machine."""

    path: str = "lambda"
    # A type without disks of its own (no `d` in it): those take no key, and SageMaker refuses ours.
    job_instance: str = "ml.m7i.4xlarge"
