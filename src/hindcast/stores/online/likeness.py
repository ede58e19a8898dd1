"""What must hold before a loaded table becomes current, and how two tables are compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Protocol

from psycopg import sql

from hindcast.errors import OnlineCheckError
from hindcast.stores.online.versions import Connection, identifier


@dataclass(frozen=True)
class Likeness:
    """How like the table before a table must be.

    rows_left: share of its rows. null_jump: growth of a column's share of nulls. What exceeds the
    defaults is more likely a broken source than the world having changed.
    """

    rows_left: float = 0.5
    null_jump: float = 0.2


class Table(Protocol):
    """What a table is compared by; null_rates maps each column to its share of nulls, 0 to 1."""

    @property
    def rows(self) -> int: ...

    @property
    def null_rates(self) -> Mapping[str, float]: ...


@dataclass(frozen=True)
class Finding:
    """One check, what it found and what is required."""

    name: str
    passed: bool
    found: str
    required: str

    def __str__(self) -> str:
        return f"{self.name}: {self.found}, required: {self.required}"


@dataclass(frozen=True)
class Facts:
    """Counts over one table; null_rates maps each column to its share of nulls, 0 to 1."""

    rows: int
    rows_with_key: int
    keys: int
    null_rates: Mapping[str, float]


def measure(connection: Connection, table: str, keys: Sequence[str]) -> Facts:
    """Count rows, keys and nulls of a version table in one scan."""
    nothing = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(identifier(table)))
    columns = [column.name for column in nothing.description or []]
    counts = [sql.SQL("count({})").format(sql.Identifier(column)) for column in columns]
    key = sql.SQL(", ").join(map(sql.Identifier, keys))
    whole = sql.SQL(" AND ").join(sql.SQL("{} IS NOT NULL").format(sql.Identifier(k)) for k in keys)
    statement = sql.SQL(
        "SELECT count(*), count(DISTINCT ({})), count(*) FILTER (WHERE {}), {} FROM {}"
    ).format(key, whole, sql.SQL(", ").join(counts), identifier(table))
    row = connection.execute(statement).fetchone()
    assert row is not None, "an aggregate gives one row"
    rows, distinct, with_key, *rest = row
    filled = dict(zip(columns, rest, strict=True))
    rates = {column: 1 - count / rows if rows else 0.0 for column, count in filled.items()}
    return Facts(rows, with_key, distinct, rates)


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


def require_likeness(facts: Facts, before: Table) -> None:
    """Raise OnlineCheckError if the table lost half its rows, or a column far more values."""
    failures = [str(check) for check in compare(facts, before, Likeness()) if not check.passed]
    if failures:
        raise OnlineCheckError(f"{'; '.join(failures)}; not swapped (force it if this is right)")


def compare(now: Table, before: Table | None, allowed: Likeness) -> Iterator[Finding]:
    """The check of rows, and one for each column that lost values or one that passed for all."""
    # Rounded, for 0.8 times a whole number may be a little more than it should.
    least = max(1, ceil(round(allowed.rows_left * before.rows, 6))) if before else 1
    found = f"{now.rows}" + (f", {before.rows} before" if before else "")
    yield Finding("rows", now.rows >= least, found, f"at least {least}")
    earlier = before.null_rates if before else {}
    required = f"not all, and at most {allowed.null_jump:.1%} more than before"
    lost = [
        (column, rate, earlier.get(column))
        for column, rate in sorted(now.null_rates.items())
        if _lost(rate, earlier.get(column), allowed.null_jump)
    ]
    for column, rate, was in lost:
        text = f"{rate:.1%}" + (f", {was:.1%} before" if was is not None else "")
        yield Finding(f"nulls in '{column}'", False, text, required)
    if not lost:
        yield Finding("nulls", True, f"{len(now.null_rates)} columns", required)


def _lost(rate: float, was: float | None, most: float) -> bool:
    return rate == 1.0 if was is None else rate - was > most
