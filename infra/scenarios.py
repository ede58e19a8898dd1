"""Three sizes of a deployment for infra.costs: its config, and what is done with it in a month."""

from dataclasses import dataclass, field, replace
from typing import Any

from infra.choices import Sizes, Training
from infra.config import PRODUCTION, STAGING, Deployment
from infra.project import EXAMPLE

HOURS = 730.0
DAYS = 365 / 12
WEEKS = DAYS / 7
MILLION = 1e6
# Counted in the templates; a test holds these numbers and the templates together.
ENDPOINTS = 9
WAF_RULES = 4
SECRETS = 3  # The worker's, the keys of lines, and the administrator's, which RDS keeps.
ALARM_METRICS, ALARM_METRICS_MODEL, ALARM_METRICS_VIEW = 46, 28, 1
# Buckets that are replicated, each with an alarm in both regions; S3's metrics of each.
REPLICATED, REPLICATION_METRICS = 3, 4
SHARED_REPOSITORIES = 7  # All but those of predict, which every model has.
METHODS = 10
# What AWS's documents say of its own: metrics of an API method, vCPUs and DPUs.
METHOD_METRICS = 5
VCPUS = {"t4g.medium": 2, "m7g.large": 2, "m7g.2xlarge": 8}
DPUS = {"G.1X": 1, "G.2X": 2, "G.4X": 4}


def _usual(default: float, means: str) -> Any:
    """A field with its usual value, and what the table of the docs says of it."""
    return field(default=default, metadata={"means": means})


@dataclass(frozen=True)
class Usage:
    """What is done with a deployment; the sizes of its parts are in its config."""

    requests_per_day: int = field(metadata={"means": "answers asked for"})
    billed_ms: int = _usual(30, "of predict, a request and its share of cold starts")
    warm_ms: int = _usual(10, "a warm-up of predict; 500 where several are kept warm")
    log_bytes: int = _usual(2300, "a request: prediction line, Lambda's lines, access log")
    answer_bytes: int = _usual(600, "an answer with its headers")
    lines_per_record: int = _usual(1, "log lines that CloudWatch hands over at once")
    lines_per_collect: int = _usual(3, "those that the stream does, at most once a minute")
    collect_seconds: int = _usual(2, "to commit them to a table that is compacted daily")
    refreshes: float = _usual(DAYS, "by schedule")
    rebuilds: float = _usual(WEEKS, "of a model, by schedule; each refreshes too")
    refresh_minutes: int = _usual(3, "the Glue job, without its start")
    train_minutes: int = _usual(5, "in the Lambda, or as a job")
    evaluate_minutes: int = _usual(3, "in a Lambda of 4 GB")
    own_metrics: int = _usual(24, "of a model, in the namespace Hindcast")
    lake_gb: int = _usual(5, "all tables, with the versions that are kept")
    replicated_gb: int = _usual(3, "written to buckets that have a copy in a second region")
    lake_writes: int = _usual(200_000, "objects written or listed")
    images_gb: int = _usual(10, "a repository: 100 versions, shared layers once")
    change_gb: float = _usual(0.1, "a day, in Postgres; each refresh writes the online table anew")
    other_logs_gb: int = _usual(2, "flow logs, Postgres, Glue, state machines")
    endpoint_gb: int = _usual(10, "through the interface endpoints")
    key_requests: int = _usual(500_000, "to KMS, from S3, SNS, SQS and Lambda")
    pushes: int = _usual(10, "that go through the pipeline to production")
    push_minutes: int = _usual(150, "a push: all actions but the approval")


@dataclass(frozen=True)
class Scenario:
    """A size: a deployment and what is done with it."""

    name: str
    about: str
    deployment: Deployment
    usage: Usage

    @property
    def sizes(self) -> Sizes:
        """How much of everything."""
        return self.deployment.sizes

    @property
    def models(self) -> int:
        """How many models are served, and rebuilt."""
        return len(self.deployment.models)

    def with_another_model(self) -> "Scenario":
        """The same with a model more, for no request more."""
        project = self.deployment.project or EXAMPLE
        more = replace(project, models=(*project.models, "another"))
        return replace(self, deployment=replace(self.deployment, project=more))

    @property
    def requests(self) -> float:
        """Requests a month, in millions."""
        return self.usage.requests_per_day * DAYS / MILLION


SMALL = Scenario("small", "one market, `Sizes()` as in staging", STAGING, Usage(5_000))
MEDIUM = Scenario(
    "medium",
    "`PRODUCTION` as in infra/config.py",
    PRODUCTION,
    Usage(
        300_000,
        lines_per_record=5,
        lines_per_collect=200,
        refresh_minutes=10,
        train_minutes=12,
        evaluate_minutes=8,
        lake_gb=100,
        replicated_gb=60,
        lake_writes=1_000_000,
        images_gb=30,
        change_gb=2,
        other_logs_gb=20,
        endpoint_gb=50,
        pushes=20,
    ),
)
LARGE = Scenario(
    "large",
    "a larger database and Glue job; training as a SageMaker job",
    replace(
        PRODUCTION,
        training=Training(path="job"),
        sizes=replace(
            PRODUCTION.sizes,
            database_class="m7g.2xlarge",
            database_storage=1000,
            glue_worker="G.2X",
            glue_workers=20,
            predict_concurrency=600,
            requests_per_second=2000,
            requests_burst=4000,
            requests_per_day=50_000_000,
        ),
    ),
    Usage(
        5_000_000,
        lines_per_record=20,
        lines_per_collect=850,
        collect_seconds=3,
        refresh_minutes=40,
        train_minutes=180,
        evaluate_minutes=14,
        lake_gb=2_000,
        replicated_gb=1_000,
        lake_writes=10_000_000,
        images_gb=30,
        change_gb=35,
        other_logs_gb=100,
        endpoint_gb=300,
        key_requests=5_000_000,
        pushes=40,
    ),
)
SCENARIOS = (SMALL, MEDIUM, LARGE)
