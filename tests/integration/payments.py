"""A small source of payments with a view, for tests that hold the engines side by side."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable

from hindcast.compiler import query
from hindcast.compiler.features import CompiledView, compile_view
from hindcast.compiler.query import Knowledge
from hindcast.definitions import Entity, Feature, FeatureView, Source, latest, prior
from hindcast.engines.base import Engine, OfflineTarget, Written

START = datetime(2021, 1, 1, tzinfo=UTC)
KNOWLEDGE = Knowledge(as_of=datetime(2022, 1, 1, tzinfo=UTC), known_by=START + timedelta(days=999))
CONSTANTS = {"run_id": "run1", "definition_hash": "abc"}
INSTANT = pa.timestamp("us", tz="UTC")

payments = Source(
    "payments",
    entity=Entity("person", key="person"),
    event_timestamp="paid_at",
    tiebreaker="payment",
    schema={
        "person": "bigint",
        "paid_at": "timestamp",
        "payment": "bigint",
        "amount": "decimal(18,6)",
        "rate": "double",
        "kind": "string",
        "born": "date",
        "vector": "double[2]",
    },
)
view = compile_view(
    FeatureView(
        "paid",
        payments,
        [
            Feature("count_before", "count(*)", over=prior()),
            Feature("amount_before", "sum(amount)", over=prior()),
            Feature("amount_recently", "sum(amount)", over=prior(days=30)),
            Feature("rate", "rate", over=latest()),
            Feature("kind", "kind", over=latest()),
            Feature("vector", "vector", over=latest()),
            Feature("is_cash", "kind = 'cash'", over=latest()),
            Feature("age", "years_between(born, as_of)"),
        ],
    )
)


def events(people: int = 40, each: int = 6) -> pa.Table:
    """Payments a few days apart, with nulls, an ancient birthday and an event recorded twice."""
    rows = [
        {
            "person": person,
            "paid_at": START + timedelta(days=11 * n, microseconds=person),
            "payment": n,
            "amount": None if n == 3 else Decimal(person) + Decimal(n) / 8,
            "rate": None if person % 5 == 0 else n / 3,
            "kind": ["cash", None, "card"][n % 3],
            "vector": None if person % 7 == 0 else [n / 3, -person / 7],
            "born": date(1500, 2, 28) if person == 1 else date(1988, 2, 29),
        }
        for person in range(people)
        for n in range(each)
    ]
    rows.append(rows[0] | {"rate": 9.0})
    fields = [(name, kind.arrow()) for name, kind in payments.types.items()]
    table = pa.Table.from_pylist(rows, pa.schema(fields))
    now = pa.scalar(START, INSTANT)
    table = table.append_column("recorded_at", pa.repeat(now, len(rows)))
    table = table.append_column("_ingested_at", pa.repeat(now, len(rows)))
    table = table.append_column("_row", pa.array(range(len(rows)), pa.int64()))
    return table.append_column("_retraction", pa.nulls(len(rows), pa.string()))


def target(folder: Path, columns: tuple[str, ...] = view.offline_columns) -> OfflineTarget:
    return OfflineTarget(str(folder), columns, CONSTANTS)


def materialization(engine: Engine, compiled: CompiledView = view) -> str:
    return query.materialization(compiled, engine.dialect, KNOWLEDGE)


def write(engine: Engine, raw: DeltaTable, folder: Path) -> Written:
    with engine.compute(materialization(engine), raw) as computed:
        return computed.write_offline(target(folder))


def contents(folder: Path) -> list[dict[str, object]]:
    table = DeltaTable(str(folder)).to_pyarrow_table()
    return list(table.sort_by([("person", "ascending"), ("tiebreaker", "ascending")]).to_pylist())
