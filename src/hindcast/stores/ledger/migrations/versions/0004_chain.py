"""The chain: an entry for each row of the ledger, each with the digest of the one before."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Table -> the column of its instant, and those of its key.
TABLES = {
    "runs": ("started_at", "id"),
    "run_ends": ("ended_at", "id"),
    "releases": ("created_at", "model", "release"),
    "evaluations": ("evaluated_at", "number"),
    "promotions": ("promoted_at", "number"),
    "events": ("occurred_at", "number"),
    "deliveries": ("attempted_at", "number"),
    "subscriptions": ("changed_at", "number"),
    "jobs": ("requested_at", "id"),
    "job_starts": ("started_at", "job"),
    "job_ends": ("ended_at", "job"),
    "schedules": ("changed_at", "number"),
    "calls": ("called_at", "number"),
}

# As in 0001, but nobody is granted INSERT: entries are made by the trigger alone.
GUARD = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.chain
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.chain ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger.chain
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.chain ENABLE ALWAYS TRIGGER append_only_truncate;
GRANT SELECT ON ledger.chain TO hindcast_writer
"""

# A digest is of the row's columns that are not null, so that a column which is added later, and
# null in what is there, changes none. The settings fix how instants and doubles are written.
LINK = """
CREATE FUNCTION ledger.link(name text, entry jsonb, keys text[], at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET extra_float_digits = 1 AS $$
DECLARE
    newest bigint;
    before text;
    key jsonb := (SELECT jsonb_agg(entry -> part ORDER BY n)
        FROM unnest(keys) WITH ORDINALITY AS parts (part, n));
    digest text := encode(sha256(convert_to((SELECT jsonb_object_agg(e.key, e.value)
        FROM jsonb_each(entry) AS e WHERE e.value <> 'null')::text, 'UTF8')), 'hex');
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('hindcast ledger chain', 0));
    SELECT place, head INTO newest, before FROM ledger.chain ORDER BY place DESC LIMIT 1;
    newest := coalesce(newest, 0) + 1;
    INSERT INTO ledger.chain (place, entry_of, key, digest, chained_at, head)
    VALUES (newest, name, key, digest, at, encode(sha256(convert_to(
        jsonb_build_array(newest, name, key, digest, at, before)::text, 'UTF8')), 'hex'));
END $$;
REVOKE ALL ON FUNCTION ledger.link(text, jsonb, text[], timestamptz) FROM PUBLIC
"""
# Deferred to the commit, so that the lock is held for the length of a commit and no longer.
CHAIN = """
CREATE FUNCTION ledger.chain_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET extra_float_digits = 1 AS $$
BEGIN
    PERFORM ledger.link(TG_TABLE_NAME, to_jsonb(NEW), TG_ARGV, clock_timestamp());
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION ledger.chain_row() FROM PUBLIC
"""
STAMP = """
CREATE FUNCTION ledger.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN jsonb_populate_record(NEW, jsonb_build_object(TG_ARGV[0], clock_timestamp()));
END $$;
REVOKE ALL ON FUNCTION ledger.stamp() FROM PUBLIC
"""
# Neither is ENABLE ALWAYS: a logical replica keeps the original's instants and entries.
STAMP_OF_TABLE = """
CREATE TRIGGER stamp BEFORE INSERT ON ledger.{table}
    FOR EACH ROW EXECUTE FUNCTION ledger.stamp('{stamp}')
"""
CHAIN_OF_TABLE = """
CREATE CONSTRAINT TRIGGER chain AFTER INSERT ON ledger.{table} DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger.chain_row({keys})
"""
# What was there before has no instant in the chain: it is proven from today on.
PRESENT = """
DO $$ DECLARE entry jsonb; BEGIN
    SET LOCAL timezone = 'UTC';
    SET LOCAL extra_float_digits = 1;
    FOR entry IN SELECT to_jsonb(t) FROM ledger.{table} AS t ORDER BY {order} LOOP
        PERFORM ledger.link('{table}', entry, ARRAY[{keys}], NULL);
    END LOOP;
END $$
"""


def upgrade() -> None:
    """Create the chain, and let every table stamp and chain its rows."""
    _create_chain()
    for statement in (GUARD, LINK, CHAIN, STAMP):
        op.execute(statement)
    for table, (stamp, *columns) in TABLES.items():
        keys = ", ".join(f"'{column}'" for column in columns)
        op.execute(PRESENT.format(table=table, keys=keys, order=f"{stamp}, {', '.join(columns)}"))
        if table != "promotions":  # They have a stamp of their own since 0001.
            op.execute(STAMP_OF_TABLE.format(table=table, stamp=stamp))
        op.execute(CHAIN_OF_TABLE.format(table=table, keys=keys))


def _create_chain() -> None:
    op.create_table(
        "chain",
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("entry_of", sa.Text, nullable=False),
        sa.Column("key", JSONB, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("chained_at", sa.DateTime(timezone=True)),
        sa.Column("head", sa.Text, nullable=False),
        sa.UniqueConstraint("entry_of", "key", name="chain_one_of_row"),
        schema="ledger",
    )
