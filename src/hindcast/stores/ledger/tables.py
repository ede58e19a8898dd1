"""The ledger's tables as the newest migration leaves them; a test holds the two together."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from hindcast import names
from hindcast.stores.ledger.columns import identity, metadata, number, run_id, stamp

# Where Alembic keeps the revision of the schema, and the one that these tables are.
VERSION_TABLE = "alembic_version"
REVISION = "0006"
# Two promotions that follow the same one, or that are both the first: the second is refused.
ONE_FOLLOWER = "promotions_one_follower"


def _job() -> Column[str]:
    return Column("job", Text, ForeignKey(f"{names.LEDGER_SCHEMA}.jobs.id"), primary_key=True)


def _releases(column: str) -> ForeignKeyConstraint:
    """(model, column) is a release of that very model."""
    target = f"{names.LEDGER_SCHEMA}.releases"
    return ForeignKeyConstraint(["model", column], [f"{target}.model", f"{target}.release"])


runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    identity(),
    Column("kind", Text, nullable=False),
    Column("parameters", JSONB, nullable=False),
    stamp("started_at"),
    Column("by", Text),
    Index("runs_kind_number", "kind", "number"),
)

run_ends = Table(
    "run_ends",
    metadata,
    Column("id", Text, ForeignKey(f"{names.LEDGER_SCHEMA}.runs.id"), primary_key=True),
    Column("status", Text, nullable=False),
    Column("inputs", JSONB, nullable=False),
    Column("outputs", JSONB, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("error", Text),
    stamp("ended_at"),
    # True of one that failed because others ended it; null of all else.
    Column("interrupted", Boolean),
    CheckConstraint("status IN ('succeeded', 'failed')", name="run_ends_status"),
    CheckConstraint("(status = 'failed') = (error IS NOT NULL)", name="run_ends_error"),
)

# Which process does a run, as a document: a row when it starts, and others while it goes on.
heartbeats = Table(
    "heartbeats",
    metadata,
    number(),
    Column("run_id", Text, ForeignKey(f"{names.LEDGER_SCHEMA}.runs.id"), nullable=False),
    Column("process", JSONB, nullable=False),
    stamp("beat_at"),
    Index("heartbeats_of_run", "run_id", "number"),
)

releases = Table(
    "releases",
    metadata,
    Column("model", Text, primary_key=True),
    Column("release", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("location", Text, nullable=False),
    Column("manifest", JSONB, nullable=False),
    Column("metrics", JSONB, nullable=False),
    run_id(),
    stamp("created_at"),
    UniqueConstraint("model", "version", name="releases_version"),
    CheckConstraint("version > 0", name="releases_version_positive"),
    Index("releases_created_at", "created_at"),
)

evaluations = Table(
    "evaluations",
    metadata,
    number(),
    Column("model", Text, nullable=False),
    Column("challenger", Text, nullable=False),
    Column("champion", Text),
    Column("passed", Boolean, nullable=False),
    Column("verdict", JSONB, nullable=False),
    Column("as_of", DateTime(timezone=True), nullable=False),
    Column("known_by", DateTime(timezone=True), nullable=False),
    run_id(),
    stamp("evaluated_at"),
    _releases("challenger"),
    _releases("champion"),
    UniqueConstraint("model", "challenger", "number", name="evaluations_of_release"),
)

promotions = Table(
    "promotions",
    metadata,
    number(),
    Column("model", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("follows", BigInteger),
    Column("forced", Boolean, nullable=False),
    Column("reason", Text),
    Column("evaluation", BigInteger),
    Column("by", Text, nullable=False),
    stamp("promoted_at"),
    _releases("release"),
    # What it follows is a promotion of the same model, its evaluation one of the same release.
    ForeignKeyConstraint(
        ["model", "follows"],
        [f"{names.LEDGER_SCHEMA}.promotions.model", f"{names.LEDGER_SCHEMA}.promotions.number"],
    ),
    ForeignKeyConstraint(
        ["model", "release", "evaluation"],
        [f"{names.LEDGER_SCHEMA}.evaluations.{key}" for key in ("model", "challenger", "number")],
    ),
    UniqueConstraint("model", "number", name="promotions_of_model"),
    UniqueConstraint("model", "promoted_at", name="promotions_one_at_a_time"),
    UniqueConstraint("model", "follows", name=ONE_FOLLOWER, postgresql_nulls_not_distinct=True),
    CheckConstraint("action IN ('promote', 'rollback')", name="promotions_action"),
    CheckConstraint("follows < number", name="promotions_follow_earlier"),
)

events = Table(
    "events",
    metadata,
    number(),
    Column(
        "id", Text, nullable=False, unique=True, server_default=text("(gen_random_uuid())::text")
    ),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    stamp("occurred_at"),
)

deliveries = Table(
    "deliveries",
    metadata,
    number(),
    Column("event", BigInteger, ForeignKey(f"{names.LEDGER_SCHEMA}.events.number"), nullable=False),
    Column("sink", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("error", Text),
    Column("due_at", DateTime(timezone=True)),
    stamp("attempted_at"),
    CheckConstraint(
        "outcome IN ('delivered', 'failed', 'dead', 'resent')", name="deliveries_outcome"
    ),
    # Only what is to be tried again says when.
    CheckConstraint(
        "(outcome IN ('failed', 'resent')) = (due_at IS NOT NULL)", name="deliveries_due"
    ),
    CheckConstraint(
        "(outcome IN ('failed', 'dead')) = (error IS NOT NULL)", name="deliveries_error"
    ),
    Index("deliveries_of_event", "sink", "event", "number"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    number(),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("types", JSONB, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("by", Text, nullable=False),
    stamp("changed_at"),
    Index("subscriptions_of_name", "name", "number"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    identity(),
    Column("command", Text, nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("runner", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("retries", Text, ForeignKey(f"{names.LEDGER_SCHEMA}.jobs.id")),
    stamp("requested_at"),
    Index("jobs_of_runner", "runner", "number"),
)

job_starts = Table(
    "job_starts",
    metadata,
    _job(),
    Column("pid", Integer),
    stamp("started_at"),
)

job_ends = Table(
    "job_ends",
    metadata,
    _job(),
    Column("status", Text, nullable=False),
    Column("error", Text),
    stamp("ended_at"),
    CheckConstraint(
        "status IN ('succeeded', 'failed', 'cancelled', 'interrupted')", name="job_ends_status"
    ),
    CheckConstraint("(status = 'succeeded') = (error IS NULL)", name="job_ends_error"),
)

schedules = Table(
    "schedules",
    metadata,
    number(),
    Column("name", Text, nullable=False),
    Column("cron", Text, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("by", Text, nullable=False),
    stamp("changed_at"),
    Index("schedules_of_name", "name", "number"),
)

calls = Table(
    "calls",
    metadata,
    number(),
    Column("by", Text, nullable=False),
    Column("role", Text),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("key", Text),
    Column("digest", Text),
    Column("answer", JSONB),
    stamp("called_at"),
    # An answer is kept for its caller's key, once.
    Index("calls_one_of_key", "by", "key", unique=True, postgresql_where=text("key IS NOT NULL")),
)

# An entry for each row of the others, made by a trigger; chained_at is null for what was there
# before the chain. head: a digest of the entry and of the head before it.
chain = Table(
    "chain",
    metadata,
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("entry_of", Text, nullable=False),
    Column("key", JSONB, nullable=False),
    Column("digest", Text, nullable=False),
    Column("chained_at", DateTime(timezone=True)),
    Column("head", Text, nullable=False),
    UniqueConstraint("entry_of", "key", name="chain_one_of_row"),
)
