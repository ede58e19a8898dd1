"""Commits of the lake's tables: what was to be written, what lies there, what was adopted."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Table -> the column of its instant, and that of its key.
TABLES = {
    "lake_adoptions": ("adopted_at", "number"),
    "lake_intents": ("intended_at", "id"),
    "lake_commits": ("recorded_at", "number"),
}
# As in 0001 and 0004: triggers that refuse changes, the stamp, the chain, and what a writer may.
GUARD = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.{table}
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.{table} ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger.{table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.{table} ENABLE ALWAYS TRIGGER append_only_truncate;
CREATE TRIGGER stamp BEFORE INSERT ON ledger.{table}
    FOR EACH ROW EXECUTE FUNCTION ledger.stamp('{stamp}');
CREATE CONSTRAINT TRIGGER chain AFTER INSERT ON ledger.{table} DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger.chain_row('{key}');
GRANT SELECT, INSERT ON ledger.{table} TO hindcast_writer
"""


def upgrade() -> None:
    """Create the tables of the lake's commits."""
    _create_adoptions()
    _create_intents()
    _create_commits()
    for table, (stamp, key) in TABLES.items():
        op.execute(GUARD.format(table=table, stamp=stamp, key=key))


def _create_adoptions() -> None:
    op.create_table(
        "lake_adoptions",
        _number(),
        sa.Column("table", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        _stamp("adopted_at"),
        sa.Index("lake_adoptions_of_table", "table", "number"),
        schema="ledger",
    )


def _create_intents() -> None:
    op.create_table(
        "lake_intents",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, sa.Identity(always=True), nullable=False, unique=True),
        sa.Column("table", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, sa.ForeignKey("ledger.runs.id")),
        sa.Column("by", sa.Text, nullable=False),
        _stamp("intended_at"),
        schema="ledger",
    )


def _create_commits() -> None:
    op.create_table(
        "lake_commits",
        _number(),
        sa.Column("table", sa.Text, nullable=False),
        sa.Column("adoption", sa.BigInteger, sa.ForeignKey("ledger.lake_adoptions.number")),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("intent", sa.Text, sa.ForeignKey("ledger.lake_intents.id"), unique=True),
        sa.Column("rows", sa.BigInteger),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Column("entry_size", sa.BigInteger, nullable=False),
        sa.Column("checkpoint", sa.Text),
        sa.Column("state", sa.Text),
        sa.Column("files", JSONB, nullable=False),
        _stamp("recorded_at"),
        sa.UniqueConstraint(
            "table",
            "adoption",
            "version",
            name="lake_commits_once",
            postgresql_nulls_not_distinct=True,
        ),
        sa.CheckConstraint(
            "origin IN ('written', 'recovered', 'found', 'adopted')", name="lake_commits_origin"
        ),
        sa.CheckConstraint(
            "(intent IS NULL) = (origin IN ('found', 'adopted'))", name="lake_commits_intent"
        ),
        schema="ledger",
    )


def _number() -> sa.Column[int]:
    return sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True)


def _stamp(name: str) -> sa.Column[object]:
    now = sa.func.clock_timestamp()
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=now)
