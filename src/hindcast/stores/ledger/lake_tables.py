"""The ledger's tables of the lake's commits, as the newest migration leaves them."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from hindcast import names
from hindcast.stores.ledger.columns import identity, metadata, number, run_id, stamp

# Where a table of the lake is taken as it lies: what counts of it are the commits recorded since.
lake_adoptions = Table(
    "lake_adoptions",
    metadata,
    number(),
    Column("table", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    stamp("adopted_at"),
    Index("lake_adoptions_of_table", "table", "number"),
)

# What is about to be committed; a commit carries the id of its intent.
lake_intents = Table(
    "lake_intents",
    metadata,
    Column("id", Text, primary_key=True),
    identity(),
    Column("table", Text, nullable=False),
    run_id(),
    Column("by", Text, nullable=False),
    stamp("intended_at"),
)

lake_commits = Table(
    "lake_commits",
    metadata,
    number(),
    Column("table", Text, nullable=False),
    Column("adoption", BigInteger, ForeignKey(f"{names.LEDGER_SCHEMA}.lake_adoptions.number")),
    Column("version", BigInteger, nullable=False),
    Column("origin", Text, nullable=False),
    Column("intent", Text, ForeignKey(f"{names.LEDGER_SCHEMA}.lake_intents.id"), unique=True),
    Column("rows", BigInteger),
    # Digests of the log's entry, of its checkpoint and of the table's files and columns.
    Column("entry", Text, nullable=False),
    Column("entry_size", BigInteger, nullable=False),
    Column("checkpoint", Text),
    Column("state", Text),
    Column("files", JSONB, nullable=False),
    stamp("recorded_at"),
    UniqueConstraint(
        "table", "adoption", "version", name="lake_commits_once", postgresql_nulls_not_distinct=True
    ),
    CheckConstraint(
        "origin IN ('written', 'recovered', 'found', 'adopted')", name="lake_commits_origin"
    ),
    CheckConstraint(
        "(intent IS NULL) = (origin IN ('found', 'adopted'))", name="lake_commits_intent"
    ),
)
