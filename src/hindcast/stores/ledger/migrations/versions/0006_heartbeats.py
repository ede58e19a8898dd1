"""Heartbeats of runs, and runs that were interrupted."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# As in 0001 and 0004: triggers that refuse changes, the stamp, the chain, and what a writer may.
GUARD = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.heartbeats
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.heartbeats ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger.heartbeats
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.heartbeats ENABLE ALWAYS TRIGGER append_only_truncate;
CREATE TRIGGER stamp BEFORE INSERT ON ledger.heartbeats
    FOR EACH ROW EXECUTE FUNCTION ledger.stamp('beat_at');
CREATE CONSTRAINT TRIGGER chain AFTER INSERT ON ledger.heartbeats DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger.chain_row('number');
GRANT SELECT, INSERT ON ledger.heartbeats TO hindcast_writer
"""


def upgrade() -> None:
    """Create the table, and let a run that failed be one that was interrupted."""
    op.create_table(
        "heartbeats",
        sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("run_id", sa.Text, sa.ForeignKey("ledger.runs.id"), nullable=False),
        sa.Column("process", JSONB, nullable=False),
        sa.Column(
            "beat_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.clock_timestamp(),
        ),
        sa.Index("heartbeats_of_run", "run_id", "number"),
        schema="ledger",
    )
    op.execute(GUARD)
    # Beside the status, which is failed: the version before knows no other.
    op.add_column("run_ends", sa.Column("interrupted", sa.Boolean), schema="ledger")
