"""What must hold before a loaded table becomes current."""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from hindcast.errors import OnlineCheckError
from hindcast.stores.online.versions import Connection, identifier

# A column whose share of nulls grew by more than this, or a table that shrank below this share
# of the rows before, is more likely a broken source than the world having changed.
NULL_RATE_JUMP = 0.2
ROWS_LEFT = 0.5


@dataclass(frozen=True)
class Facts:
    """Counts over one table; null_rates maps each column to its share of nulls, 0 to 1."""

    rows: int
    rows_with_key: int
    keys: int
    null_rates: Mapping[str, float]


def measure(connection: Connection, table: str, key: str) -> Facts:
    """Count rows, keys and nulls of a version table in one scan."""
    nothing = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(identifier(table)))
    columns = [column.name for column in nothing.description or []]
    counts = [sql.SQL("count({})").format(sql.Identifier(column)) for column in columns]
    statement = sql.SQL("SELECT count(*), count(DISTINCT {}), {} FROM {}").format(
        sql.Identifier(key), sql.SQL(", ").join(counts), identifier(table)
    )
    row = connection.execute(statement).fetchone()
    assert row is not None, "an aggregate gives one row"
    rows, keys, filled = row[0], row[1], dict(zip(columns, row[2:], strict=True))
    rates = {column: 1 - count / rows if rows else 0.0 for column, count in filled.items()}
    return Facts(rows, filled[key], keys, rates)


def check_whole(facts: Facts, table: str, key: str, expected_rows: int) -> None:
    """Raise OnlineCheckError unless every expected row is there once, under a key."""
    if facts.rows != expected_rows:
        raise OnlineCheckError(
            f"online table '{table}' has {facts.rows} rows, {expected_rows} were expected; "
            "not swapped"
        )
    if facts.rows_with_key != facts.rows:
        raise OnlineCheckError(
            f"online table '{table}': {facts.rows - facts.rows_with_key} rows have no '{key}'; "
            "not swapped"
        )
    if facts.keys != facts.rows:
        raise OnlineCheckError(
            f"online table '{table}': {facts.rows} rows hold {facts.keys} different '{key}'; "
            "not swapped"
        )


def check_drift(facts: Facts, previous_rows: int, previous_rates: Mapping[str, float]) -> None:
    """Raise OnlineCheckError if the table lost half its rows, or a column far more values."""
    if facts.rows < ROWS_LEFT * previous_rows:
        raise OnlineCheckError(
            f"the new online table has {facts.rows} rows, the current one {previous_rows}; "
            "not swapped (force it if this is right)"
        )
    jumps = [
        f"'{column}' from {previous_rates[column]:.1%} to {rate:.1%}"
        for column, rate in facts.null_rates.items()
        if column in previous_rates and rate - previous_rates[column] > NULL_RATE_JUMP
    ]
    if jumps:
        raise OnlineCheckError(
            f"share of nulls jumped in {', '.join(jumps)}; not swapped (force it if this is right)"
        )
