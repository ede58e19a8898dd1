"""What the ledger's tables have in common: their schema, and columns that several have."""

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, MetaData, Text, func

from hindcast import names

metadata = MetaData(schema=names.LEDGER_SCHEMA)


def number() -> Column[int]:
    """A row's number, which tells it from the others."""
    return Column("number", BigInteger, Identity(always=True), primary_key=True)


def stamp(name: str) -> Column[object]:
    """An instant by the database's clock, the only one that all writers share."""
    now = func.clock_timestamp()
    return Column(name, DateTime(timezone=True), nullable=False, server_default=now)


def identity() -> Column[int]:
    """A row's number beside a key of another kind: the order in which rows came."""
    return Column("number", BigInteger, Identity(always=True), nullable=False, unique=True)


def run_id() -> Column[str]:
    """The run that a row comes from, if it comes from one."""
    return Column("run_id", Text, ForeignKey(f"{names.LEDGER_SCHEMA}.runs.id"))
