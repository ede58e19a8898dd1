"""The outbox: events, the attempts to deliver them, and who subscribed to them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
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
    """Create the outbox."""
    _create_events()
    _create_deliveries()
    _create_subscriptions()
    for table in ("events", "deliveries", "subscriptions"):
        op.execute(GUARD.format(table=table))


def _create_events() -> None:
    op.create_table(
        "events",
        _number(),
        sa.Column("id", sa.Text, nullable=False, unique=True, server_default=_new_id()),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("data", JSONB, nullable=False),
        _stamp("occurred_at"),
        schema="ledger",
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        _number(),
        sa.Column("event", sa.BigInteger, sa.ForeignKey("ledger.events.number"), nullable=False),
        sa.Column("sink", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        _stamp("attempted_at"),
        sa.CheckConstraint(
            "outcome IN ('delivered', 'failed', 'dead', 'resent')", name="deliveries_outcome"
        ),
        sa.CheckConstraint(
            "(outcome IN ('failed', 'resent')) = (due_at IS NOT NULL)", name="deliveries_due"
        ),
        sa.CheckConstraint(
            "(outcome IN ('failed', 'dead')) = (error IS NOT NULL)", name="deliveries_error"
        ),
        sa.Index("deliveries_of_event", "sink", "event", "number"),
        schema="ledger",
    )


def _create_subscriptions() -> None:
    op.create_table(
        "subscriptions",
        _number(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("types", JSONB, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        _stamp("changed_at"),
        sa.Index("subscriptions_of_name", "name", "number"),
        schema="ledger",
    )


def _number() -> sa.Column[int]:
    return sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True)


def _new_id() -> sa.TextClause:
    return sa.text("(gen_random_uuid())::text")


def _stamp(name: str) -> sa.Column[object]:
    now = sa.func.clock_timestamp()
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=now)
