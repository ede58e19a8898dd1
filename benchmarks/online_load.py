"""Online load: rows a second into a new online table, checked and swapped in.

The rows have the example's online columns. The peer is what is often done instead: psycopg's
binary COPY into a temporary table and an upsert from it into the table that readers use.
"""

import argparse
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import _measure
import numpy as np
import psycopg
import pyarrow as pa
from _measure import Limit
from numpy.random import Generator
from psycopg import sql

from hindcast import project
from hindcast.compiler.features import CompiledView
from hindcast.datatypes import DataType
from hindcast.stores.online import OnlineStore, ViewVersion

LIMIT = 30_000
NULL_RATE = 0.1
NOW = datetime(2021, 9, 17, tzinfo=UTC)


def main() -> int:
    """Measure, print, and say with the exit code whether the limit holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entities", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    _measure.machine()
    view = project.load().view("credit_history")
    rows = synthetic(view.online_columns, view.view.keys[0], options.entities)
    with _measure.home() as home:
        ours, peer = Swapped(home.database_url, view, rows), Upserted(home.database_url, view, rows)
        _measure.alternate({"hindcast": ours.load, "peer": peer.load}, 1)  # Fills both tables.
        ours.seconds.clear()
        sides: dict[str, Callable[[], float]] = {
            "hindcast: COPY, checks, swap": lambda: _measure.timed(ours.load),
            "psycopg: COPY, upsert": lambda: _measure.timed(peer.load),
        }
        seconds = _measure.alternate(sides, options.rounds)
    speeds = {name: len(rows) / _measure.median(took) for name, took in seconds.items()}
    _print(len(rows), seconds, ours.seconds)
    ours_speed, peer_speed = speeds.values()
    print(f"\nhindcast / psycopg: {ours_speed / peer_speed:.2f} times the rows a second")
    return _measure.verdict([Limit("rows a second", ours_speed, LIMIT, at_least=True)])


def synthetic(columns: Mapping[str, DataType], key: str, count: int) -> pa.Table:
    """Rows with those columns: keys that differ, random values, a tenth of them null."""
    random = np.random.default_rng(0)
    arrays = {
        name: pa.array(np.arange(count)) if name == key else _values(random, datatype, count)
        for name, datatype in columns.items()
    }
    return pa.table(arrays)


def _values(random: Generator, datatype: DataType, count: int) -> pa.Array:
    draw: dict[str, Callable[[], Any]] = {
        "bigint": lambda: random.integers(0, 80, count),
        "double": lambda: random.normal(160_000, 50_000, count).round(2),
        "decimal": lambda: random.normal(132, 20, count),
        "boolean": lambda: random.random(count) < 0.5,
        "string": lambda: random.choice(["Working", "Pensioner", "State servant"], count),
        "date": lambda: np.datetime64("1980-01-01") + random.integers(0, 9000, count),
        "timestamp": lambda: np.datetime64("2020-01-01", "us") + random.integers(0, 10**13, count),
    }
    values = pa.array(draw[datatype.kind](), mask=random.random(count) < NULL_RATE)
    return values.cast(datatype.arrow(), safe=datatype.kind != "decimal")  # Decimals are rounded.


@dataclass
class Swapped:
    """Hindcast's way, as materialize does it; seconds by step are kept."""

    url: str
    view: CompiledView
    rows: pa.Table
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def load(self) -> None:
        """One new version: create, load, check and swap."""
        version, columns = ViewVersion.of(self.view), self.view.online_columns
        with OnlineStore(self.url) as store:
            run_id = uuid.uuid4().hex[:12]
            loading = store.create_table(version, run_id, self.view.view.keys, columns)
            self._step("COPY", lambda: store.load(loading.table, self.rows.to_reader()))
            count = len(self.rows)
            self._step(
                "checks, key, swap",
                lambda: store.publish(loading, NOW, NOW, count),
            )

    def _step(self, name: str, work: Callable[[], object]) -> None:
        self.seconds.setdefault(name, []).append(_measure.timed(work))


@dataclass
class Upserted:
    """The peer's way: rows to Python values, COPY, upsert, one transaction."""

    url: str
    view: CompiledView
    rows: pa.Table

    def load(self) -> None:
        """Bring every row into the one table there is."""
        with psycopg.connect(self.url) as connection, connection.cursor() as cursor:
            self._make(cursor)
            cursor.execute("CREATE TEMP TABLE arriving (LIKE upserted) ON COMMIT DROP")
            columns = cursor.execute("SELECT * FROM arriving").description or []
            with cursor.copy("COPY arriving FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types([column.type_code for column in columns])
                for row in zip(*(values.to_pylist() for values in self.rows.columns), strict=True):
                    copy.write_row(row)
            changed = sql.SQL(", ").join(
                sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(column.name))
                for column in columns
            )
            upsert = "INSERT INTO upserted SELECT * FROM arriving ON CONFLICT ({}) DO UPDATE SET {}"
            cursor.execute(sql.SQL(upsert).format(sql.Identifier(self.view.view.keys[0]), changed))

    def _make(self, cursor: psycopg.Cursor[tuple[Any, ...]]) -> None:
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind.sql("postgres")))
            for name, kind in self.view.online_columns.items()
        ]
        make = sql.SQL("CREATE TABLE IF NOT EXISTS upserted ({}, PRIMARY KEY ({}))")
        key = sql.Identifier(self.view.view.keys[0])
        cursor.execute(make.format(sql.SQL(", ").join(columns), key))


def _print(
    count: int, seconds: Mapping[str, list[float]], steps: Mapping[str, list[float]]
) -> None:
    (ours, peer), parts = seconds.items(), [(f"  of which {n}", t) for n, t in steps.items()]
    lines = [ours, *parts, peer]
    rows = [
        (name, count / _measure.median(took), _measure.median(took), min(took), max(took))
        for name, took in lines
    ]
    _measure.table((f"{count:,} entities", "rows/s", "median s", "fastest s", "slowest s"), rows)


if __name__ == "__main__":
    sys.exit(main())
