"""Training sets whose rows each know what was recorded by then, over one knowledge for all.

On the loans that --loans names, each recorded on its day, and with one in a hundred recorded 90
days late; and on a history made here, where each event is recorded 59 times within a day. Both
sides of a ratio run in this process, in turn; the first of each is left out.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import _measure
import pyarrow as pa
from _measure import Limit
from deltalake import write_deltalake

from hindcast import bootstrap, project
from hindcast.compiler.features import CompiledView, compile_view
from hindcast.compiler.labelled import Labelled
from hindcast.compiler.query import Knowledge
from hindcast.compiler.service import of_view
from hindcast.data import training_set
from hindcast.definitions import Entity, Feature, FeatureView, Label, Source, latest, prior
from hindcast.engines.duckdb import session
from hindcast.stores.lake import Lake

NOW = datetime(2022, 1, 1, tzinfo=UTC)
KEYS, DAYS, VERSIONS = 400, 60, 59
ORDERS = Source(
    "orders",
    entity=Entity("shop", key="shop"),
    event_timestamp="placed",
    tiebreaker="number",
    recorded_at="seen",
    label="late",
    schema={
        "shop": "bigint",
        "number": "bigint",
        "placed": "timestamp",
        "seen": "timestamp",
        "amount": "decimal(18,2)",
        "weight": "double",
        "late": "bigint",
    },
)
FEATURES = [
    Feature("orders", "count(*)", over=prior()),
    Feature("amount", "sum(amount)", over=prior()),
    Feature("recent", "sum(amount)", over=prior(days=30)),
    Feature("mean", "avg(weight)", over=prior(days=30)),
    Feature("most", "max(amount)", over=prior()),
    Feature("last", "weight", over=latest()),
]


@dataclass(frozen=True)
class Run:
    """One training set: wall and CPU seconds, and the share of its rows that were revised."""

    seconds: float
    cpu: float
    revised: float


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loans", type=Path, help="a CSV or Parquet file of loans")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    _measure.machine()
    limits = []
    with tempfile.TemporaryDirectory(prefix="hindcast-bench-") as folder:
        lake = Lake(folder)
        view = versions(lake)
        name = f"{VERSIONS} versions a day and key"
        limits.append(Limit(name, compare(name, view, lake, options.rounds), 3))
        if options.loans:
            view = loans(lake, options.loans, late="FALSE")
            limits.append(Limit("loans", compare("loans", view, lake, options.rounds), 1.3))
            view = loans(lake, options.loans, late="hash(loan_id) % 100 = 0")
            compare("loans, 1 in 100 late", view, lake, options.rounds)
    return _measure.verdict(limits)


def versions(lake: Lake) -> CompiledView:
    """Write orders, each recorded again and again in the 24 hours after it."""
    history = selected(
        f"""SELECT shop::BIGINT AS shop, day::BIGINT AS number,
            TIMESTAMPTZ '2021-01-01 00:00:00Z' + to_hours(24 * day + (hash(shop, day) % 24)::BIGINT)
                AS placed,
            placed + to_seconds(version * 86400 // {VERSIONS}) AS seen,
            CAST(hash(shop, day, version) % 10000 / 100 AS DECIMAL(18, 2)) AS amount,
            (hash(day, shop, version) % 1000)::DOUBLE / 7 AS weight,
            (hash(shop, day) % 2)::BIGINT AS late,
            seen AS recorded_at, seen AS _ingested_at, CAST(version AS BIGINT) AS _row
        FROM range({KEYS}) AS shops(shop), range({DAYS}) AS days(day),
            range({VERSIONS}) AS records(version)"""
    )
    write_deltalake(lake.uri("raw", "orders"), history)
    return compile_view(FeatureView("orders_before", ORDERS, FEATURES))


def loans(lake: Lake, file: Path, late: str) -> CompiledView:
    """Write the loans, recorded on their days but for late ones; the example's features of them."""
    view = project.load().view("credit_history").view
    schema = {**view.source.schema, "seen": "timestamp"}
    source = replace(view.source, schema=schema, recorded_at="seen")
    there = selected(f"SELECT * FROM '{file}' LIMIT 0").column_names
    columns = ", ".join(
        f"TRY_CAST({_quoted(name) if name in there else 'NULL'} AS {kind}) AS {_quoted(name)}"
        for name, kind in view.source.schema.items()
    )
    seen = f"(loan_date + to_days(CASE WHEN {late} THEN 90 ELSE 0 END)) AT TIME ZONE 'UTC' AS seen"
    history = selected(
        f"""SELECT *, seen AS recorded_at, seen AS _ingested_at, row_number() OVER () AS _row
        FROM (SELECT *, {seen} FROM (SELECT {columns} FROM '{file}') AS typed)
        WHERE loan_id IS NOT NULL AND id IS NOT NULL AND loan_date IS NOT NULL"""
    )
    write_deltalake(lake.uri("raw", source.name), history, mode="overwrite")
    return compile_view(replace(view, source=source))


def _quoted(name: str) -> str:
    return f'"{name}"'


def selected(sql: str) -> pa.Table:
    """What DuckDB answers, in UTC."""
    with session() as connection:
        return connection.sql(sql).to_arrow_table()


def compare(name: str, view: CompiledView, lake: Lake, rounds: int) -> float:
    """Print the seconds of both sides; returns the ratio of their medians."""
    sides: dict[str, Callable[[], Run]] = {
        title: partial(build, view, lake, per_row)
        for title, per_row in (("one knowledge", False), ("each row's own", True))
    }
    for side in sides.values():
        side()
    runs = _measure.alternate(sides, rounds)
    seconds = {
        title: _measure.median([run.seconds for run in side]) for title, side in runs.items()
    }
    rows = [
        (title, seconds[title], _measure.median([run.cpu for run in side]), side[0].revised)
        for title, side in runs.items()
    ]
    _measure.table([name, "seconds", "CPU seconds", "rows revised"], rows)
    print()
    return seconds["each row's own"] / seconds["one knowledge"]


def build(view: CompiledView, lake: Lake, per_row: bool) -> Run:
    """Build a training set with every feature."""
    source = view.view.source
    label = Label(f"{source.name}.{source.label}", matures=timedelta(60))
    labelled = Labelled(source, label, source)
    clocks, engine = Knowledge(NOW, NOW, per_row), bootstrap.engine("duckdb")
    started, cpu = time.perf_counter(), time.process_time()
    data = training_set.build(of_view(view), labelled, "refuse", engine, lake, clocks)
    took = time.perf_counter() - started
    return Run(took, time.process_time() - cpu, max(data.revised.values()))


if __name__ == "__main__":
    sys.exit(main())
