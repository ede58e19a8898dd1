"""The ledger's tables, the triggers that refuse changes, and the role that may add.

The rules for its successors are in ../README.md.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = ("runs", "run_ends", "releases", "evaluations", "promotions")

# An owner can drop triggers: whoever writes in production is a member of the role, not the owner.
# ENABLE ALWAYS: session_replication_role = replica does not switch these off.
APPEND_ONLY = """
CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME;
END $$;
REVOKE ALL ON FUNCTION ledger.refuse_change() FROM PUBLIC
"""
REFUSE = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.{table}
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.{table} ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger.{table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.{table} ENABLE ALWAYS TRIGGER append_only_truncate
"""

# A writer cannot say when it promoted, and a clock that was set back cannot reorder promotions.
# Not ENABLE ALWAYS: a logical replica must keep the original's instants.
STAMP = """
CREATE FUNCTION ledger.stamp_promotion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.promoted_at := greatest(clock_timestamp(), (
        SELECT promoted_at + interval '1 microsecond'
        FROM ledger.promotions WHERE number = NEW.follows));
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION ledger.stamp_promotion() FROM PUBLIC;
CREATE TRIGGER stamp BEFORE INSERT ON ledger.promotions
    FOR EACH ROW EXECUTE FUNCTION ledger.stamp_promotion()
"""

# Roles belong to the whole server: another database's migration may create it at the same time.
WRITER = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hindcast_writer') THEN
        CREATE ROLE hindcast_writer NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE insufficient_privilege USING MESSAGE = format(
            'role hindcast_writer is missing and %s may not create roles; '
            'have an administrator run CREATE ROLE hindcast_writer NOLOGIN', current_user);
END $$
"""
# Revoked from the writer too, in case default privileges gave it more.
PRIVILEGES = """
REVOKE ALL ON SCHEMA ledger FROM PUBLIC, hindcast_writer;
REVOKE ALL ON ALL TABLES IN SCHEMA ledger FROM PUBLIC, hindcast_writer;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA ledger FROM PUBLIC, hindcast_writer;
GRANT USAGE ON SCHEMA ledger TO hindcast_writer;
GRANT SELECT, INSERT ON ledger.runs, ledger.run_ends, ledger.releases, ledger.evaluations,
    ledger.promotions TO hindcast_writer;
GRANT SELECT ON ledger.alembic_version TO hindcast_writer
"""


def upgrade() -> None:
    """Create the ledger."""
    _create_runs()
    _create_releases()
    _create_evaluations()
    _create_promotions()
    op.execute(APPEND_ONLY)
    for table in TABLES:
        op.execute(REFUSE.format(table=table))
    op.execute(STAMP)
    op.execute(WRITER)
    op.execute(PRIVILEGES)


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, sa.Identity(always=True), nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("parameters", JSONB, nullable=False),
        _stamp("started_at"),
        sa.Index("runs_kind_number", "kind", "number"),
        schema="ledger",
    )
    op.create_table(
        "run_ends",
        sa.Column("id", sa.Text, sa.ForeignKey("ledger.runs.id"), primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("inputs", JSONB, nullable=False),
        sa.Column("outputs", JSONB, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("error", sa.Text),
        _stamp("ended_at"),
        sa.CheckConstraint("status IN ('succeeded', 'failed')", name="run_ends_status"),
        sa.CheckConstraint("(status = 'failed') = (error IS NOT NULL)", name="run_ends_error"),
        schema="ledger",
    )


def _create_releases() -> None:
    op.create_table(
        "releases",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("release", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("manifest", JSONB, nullable=False),
        sa.Column("metrics", JSONB, nullable=False),
        sa.Column("run_id", sa.Text, sa.ForeignKey("ledger.runs.id")),
        _stamp("created_at"),
        sa.UniqueConstraint("model", "version", name="releases_version"),
        sa.CheckConstraint("version > 0", name="releases_version_positive"),
        sa.Index("releases_created_at", "created_at"),
        schema="ledger",
    )


def _create_evaluations() -> None:
    op.create_table(
        "evaluations",
        _number(),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("challenger", sa.Text, nullable=False),
        sa.Column("champion", sa.Text),
        sa.Column("passed", sa.Boolean, nullable=False),
        sa.Column("verdict", JSONB, nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.Text, sa.ForeignKey("ledger.runs.id")),
        _stamp("evaluated_at"),
        _references(["model", "challenger"], "releases", ["model", "release"]),
        _references(["model", "champion"], "releases", ["model", "release"]),
        sa.UniqueConstraint("model", "challenger", "number", name="evaluations_of_release"),
        schema="ledger",
    )


def _create_promotions() -> None:
    op.create_table(
        "promotions",
        _number(),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("release", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("follows", sa.BigInteger),
        sa.Column("forced", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("evaluation", sa.BigInteger),
        sa.Column("by", sa.Text, nullable=False),
        _stamp("promoted_at"),
        _references(["model", "release"], "releases", ["model", "release"]),
        _references(["model", "follows"], "promotions", ["model", "number"]),
        _references(
            ["model", "release", "evaluation"], "evaluations", ["model", "challenger", "number"]
        ),
        sa.UniqueConstraint("model", "number", name="promotions_of_model"),
        sa.UniqueConstraint("model", "promoted_at", name="promotions_one_at_a_time"),
        sa.UniqueConstraint(
            "model", "follows", name="promotions_one_follower", postgresql_nulls_not_distinct=True
        ),
        sa.CheckConstraint("action IN ('promote', 'rollback')", name="promotions_action"),
        sa.CheckConstraint("follows < number", name="promotions_follow_earlier"),
        schema="ledger",
    )


def _number() -> sa.Column[int]:
    return sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True)


def _stamp(name: str) -> sa.Column[object]:
    now = sa.func.clock_timestamp()
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=now)


def _references(columns: list[str], table: str, keys: list[str]) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(columns, [f"ledger.{table}.{key}" for key in keys])
