"""Jobs of the control API, their schedules, its calls, and by whom a run was started."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# As in 0001: triggers that refuse changes, and what a writer may.
GUARD = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.{table}
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.{table} ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger.{table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.{table} ENABLE ALWAYS TRIGGER append_only_truncate;
GRANT SELECT, INSERT ON ledger.{table} TO hindcast_writer
"""


def upgrade() -> None:
    """Create the tables of the control API."""
    op.add_column("runs", sa.Column("by", sa.Text), schema="ledger")
    _create_jobs()
    _create_job_ends()
    _create_schedules()
    _create_calls()
    for table in ("jobs", "job_starts", "job_ends", "schedules", "calls"):
        op.execute(GUARD.format(table=table))


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, sa.Identity(always=True), nullable=False, unique=True),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("parameters", JSONB, nullable=False),
        sa.Column("runner", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("retries", sa.Text, sa.ForeignKey("ledger.jobs.id")),
        _stamp("requested_at"),
        sa.Index("jobs_of_runner", "runner", "number"),
        schema="ledger",
    )
    op.create_table(
        "job_starts", _job(), sa.Column("pid", sa.Integer), _stamp("started_at"), schema="ledger"
    )


def _create_job_ends() -> None:
    op.create_table(
        "job_ends",
        _job(),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        _stamp("ended_at"),
        sa.CheckConstraint(
            "status IN ('succeeded', 'failed', 'cancelled', 'interrupted')", name="job_ends_status"
        ),
        sa.CheckConstraint("(status = 'succeeded') = (error IS NULL)", name="job_ends_error"),
        schema="ledger",
    )


def _create_schedules() -> None:
    op.create_table(
        "schedules",
        _number(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("cron", sa.Text, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("parameters", JSONB, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        _stamp("changed_at"),
        sa.Index("schedules_of_name", "name", "number"),
        schema="ledger",
    )


def _create_calls() -> None:
    is_kept = sa.text("key IS NOT NULL")
    op.create_table(
        "calls",
        _number(),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("role", sa.Text),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("digest", sa.Text),
        sa.Column("answer", JSONB),
        _stamp("called_at"),
        sa.Index("calls_one_of_key", "by", "key", unique=True, postgresql_where=is_kept),
        schema="ledger",
    )


def _job() -> sa.Column[str]:
    return sa.Column("job", sa.Text, sa.ForeignKey("ledger.jobs.id"), primary_key=True)


def _number() -> sa.Column[int]:
    return sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True)


def _stamp(name: str) -> sa.Column[object]:
    now = sa.func.clock_timestamp()
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=now)
