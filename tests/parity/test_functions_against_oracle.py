"""Functions and casts give what the oracle gives, on DuckDB, Spark and Postgres."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from hypothesis import given, settings
from psycopg import sql as psycopg_sql

from hindcast import datatypes
from hindcast.bootstrap import engine as engine_of
from hindcast.compiler import arithmetic, expressions
from hindcast.compiler.dialects import DIALECTS
from hindcast.compiler.typing import infer
from hindcast.datatypes import DOUBLE
from tests.parity.functions import MEANINGS, ROWS, Row
from tests.parity.test_engines_against_oracle import LENIENT, same

TYPES = {
    name: datatypes.parse(kind)
    for name, kind in {
        "number": "bigint", "word": "string", "whole": "bigint", "real": "double",
        "money": "decimal(18,2)", "wide": "decimal(38,2)", "is_on": "boolean", "born": "date",
        "seen": "timestamp",
    }.items()
}  # fmt: skip
Run = Callable[[str, list[Row]], list[tuple[Any, ...]]]


def selected(engine: str) -> str:
    """One SELECT of all expressions over `raw`; a double is finite or null, as features are."""
    found = []
    for number, (text, _) in enumerate(MEANINGS):
        tree = expressions.parse(text, "here")
        sql = DIALECTS[engine].render(tree, TYPES)
        if infer(tree, TYPES) == DOUBLE:
            sql = arithmetic.finite(engine, f"({sql})")
        found.append(f"{sql} AS f{number}")
    return f"SELECT {', '.join(found)} FROM raw ORDER BY number"


def check(engine: str, run: Run, examples: int) -> None:
    sql = selected(engine)

    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=LENIENT)
    @given(rows=ROWS)
    def holds(rows: list[Row]) -> None:
        numbered = [row | {"number": number} for number, row in enumerate(rows)]
        for row, got in zip(numbered, run(sql, numbered), strict=True):
            for (text, meaning), value in zip(MEANINGS, got, strict=True):
                expected = meaning(row)
                assert same(value, expected), f"{text} of {row}: {value!r}, oracle {expected!r}"

    holds()


def over_delta(engine: str, folder: Path) -> Run:
    """Rows by way of a Delta table, as the engines read them."""
    schema = pa.schema([(name, kind.arrow()) for name, kind in TYPES.items()])

    def run(sql: str, rows: list[Row]) -> list[tuple[Any, ...]]:
        table = pa.Table.from_pylist(rows, schema)
        write_deltalake(str(folder), table, mode="overwrite")
        found = engine_of(engine).query(sql, DeltaTable(str(folder)))
        return [tuple(row.values()) for row in found.to_pylist()]

    return run


def test_duckdb_agrees_with_the_oracle(tmp_path: Path) -> None:
    check("duckdb", over_delta("duckdb", tmp_path), examples=12)


def test_spark_agrees_with_the_oracle(tmp_path: Path) -> None:
    check("spark", over_delta("spark", tmp_path), examples=1)


def test_postgres_agrees_with_the_oracle_in_any_time_zone(database_url: str) -> None:
    columns = ", ".join(f'"{name}" {kind.postgres_column()}' for name, kind in TYPES.items())
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET TimeZone = 'Asia/Kathmandu'")
        connection.execute(f"CREATE TABLE raw ({columns})")

        def run(sql: str, rows: list[Row]) -> list[tuple[Any, ...]]:
            connection.execute("TRUNCATE raw")
            names = psycopg_sql.SQL(", ").join(map(psycopg_sql.Identifier, TYPES))
            copy = psycopg_sql.SQL("COPY raw ({}) FROM STDIN").format(names)
            with connection.cursor() as cursor, cursor.copy(copy) as target:
                for row in rows:
                    target.write_row([row[name] for name in TYPES])
            return connection.execute(sql).fetchall()

        check("postgres", run, examples=12)
