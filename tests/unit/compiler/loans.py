"""A tiny source of loans, loans as Ingest would have recorded them, and answers from DuckDB."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from hindcast.compiler.features import CompiledView, compile_view
from hindcast.compiler.query import Knowledge
from hindcast.definitions import Entity, Feature, FeatureView, Source
from hindcast.engines.duckdb import session

LOANS = Source(
    "loans",
    entity=Entity("customer", key="id"),
    event_timestamp="loan_date",
    tiebreaker="loan_id",
    label="status",
    recorded_at="recorded_at",
    schema={
        "id": "bigint",
        "loan_id": "bigint",
        "loan_date": "timestamp",
        "amount": "decimal(18,2)",
        "income": "double",
        "children": "bigint",
        "has_car": "boolean",
        "job": "string",
        "birthday": "date",
        "job_start": "date",
        "status": "bigint",
        "recorded_at": "timestamp",
    },
)
Rows = list[dict[str, Any]]
# Key, as of, and maybe asked at and known by.
Asked = tuple[Any, ...]

RAW = pa.schema(
    [
        *((name, kind.arrow()) for name, kind in LOANS.types.items()),
        ("_ingested_at", pa.timestamp("us", tz="UTC")),
        ("_row", pa.int64()),
        ("_retraction", pa.string()),
    ]
)


def at(year: int, month: int, day: int, hour: int = 0) -> datetime:
    """An instant in UTC."""
    return datetime(year, month, day, hour, tzinfo=UTC)


def as_of(instant: datetime) -> Knowledge:
    """What is known long after the instant."""
    return Knowledge(instant, known_by=at(2100, 1, 1))


def loan(loan_id: int, when: datetime, amount: str | None = "100", **values: Any) -> dict[str, Any]:
    """A loan of customer 1, recorded as it happened; any column may be given."""
    usual = {
        "id": 1,
        "loan_id": loan_id,
        "loan_date": when,
        "recorded_at": when,
        "status": 0,
        "amount": None if amount is None else Decimal(amount),
        "birthday": date(1980, 6, 15),
        "job_start": date(2010, 3, 1),
        "_ingested_at": at(2022, 1, 1),
        "_row": loan_id,
    }
    return usual | values


def view_of(*features: Feature) -> CompiledView:
    """A checked view of these features over the loans."""
    return compile_view(FeatureView("history", LOANS, features))


def run(sql: str, loans: Rows, spine: Sequence[Asked] | None = None) -> Rows:
    """The rows that DuckDB answers over these raw loans and, if given, the caller's spine."""
    with session() as connection:
        connection.register("raw", pa.Table.from_pylist(loans, RAW))
        if spine is not None:
            connection.register("spine", _spine(spine))
        return list(connection.sql(sql).to_arrow_table().to_pylist())


def _spine(asked: Sequence[Asked]) -> pa.Table:
    """A spine of keys, instants and, where given, the instants asked at and known by."""
    instant = pa.timestamp("us", tz="UTC")
    rows = [(*row, *(None,) * (4 - len(row))) for row in asked]
    return pa.table(
        {
            "id": pa.array([row[0] for row in rows], pa.int64()),
            "as_of": pa.array([row[1] for row in rows], instant),
            "tiebreaker": pa.nulls(len(rows), pa.int64()),
            "asked_at": pa.array([row[2] for row in rows], instant),
            "known_by": pa.array([row[3] or at(2100, 1, 1) for row in rows], instant),
            "spine_row": pa.array(range(len(rows)), pa.int64()),
        }
    )
