"""A source declared otherwise after data came in: what is read of it, and what is refused."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hindcast import names
from hindcast.compiler.dialects import DIALECTS
from hindcast.data.retract import Withdrawal, retract
from hindcast.definitions import Entity, Source
from hindcast.engines.base import Engine
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.engines.raw import check_declared, unheld
from hindcast.engines.spark import SparkEngine
from hindcast.errors import InputError
from hindcast.stores.lake import Lake
from hindcast.stores.ledger import Ledger
from tests.integration.orders import (
    GOOD,
    HEADER,
    NOW,
    add,
    line,
    orders,
    quarantine,
    raw,
    write_csv,
)


def declared(**types: str) -> Source:
    return replace(orders, schema={**orders.schema, **types}, checks=[])


def read(lake: Lake, engine: Engine, source: Source, column: str) -> list[Any]:
    """What a column holds by the order of the orders, and how many values the type does not."""
    table = lake.open(names.RAW, source.name, fix="")
    order = DIALECTS[engine.dialect].quote("order")
    ordered = f"SELECT {column} FROM raw ORDER BY {order}, {column} NULLS LAST"
    return list(engine.query(ordered, table, source=source)[column].to_pylist())


@pytest.mark.parametrize("engine", [DuckDBEngine(), SparkEngine()], ids=["duckdb", "spark"])
def test_every_type_that_a_column_had_is_read_by_those_who_declare_it(
    tmp_path: Path, lake: Lake, engine: Engine
) -> None:
    """A release of before reads what its type holds, bit for bit, and null for the rest."""
    double = declared(rate="double", count="double", amount="decimal(20,6)")
    wide = declared(count="double", amount="decimal(38,10)")
    for source, order, amount, count in (
        (orders, 1, "1.500001", "2"),
        (double, 2, "12345678901234.000001", "9007199254740992"),
        (double, 3, "2.5", "-1.5"),
        (double, 4, "2.5", "1e300"),
        (wide, 5, "0.0000000001", ""),
    ):
        text = line(order=str(order), amount=amount, count=count)
        add(write_csv(tmp_path, text, name=f"{order}.csv"), lake, source)
    assert read(lake, engine, orders, "count") == [2, 2**53, None, None, None]
    assert read(lake, engine, wide, "count") == [2.0, 2.0**53, -1.5, 1e300, None]
    small, large, *others = map(str, read(lake, engine, wide, "amount"))
    assert (small, large) == ("1.5000010000", "12345678901234.0000010000")
    assert others == ["2.5000000000", "2.5000000000", "1E-10"]
    before = [str(amount) for amount in read(lake, engine, orders, "amount")]
    assert before == ["1.500001", "None", "2.500000", "2.500000", "None"]
    between = [str(amount) for amount in read(lake, engine, double, "amount")]
    assert between == ["1.500001", "12345678901234.000001", "2.500000", "2.500000", "None"]
    table, dialect = lake.open(names.RAW, "orders", fix=""), DIALECTS[engine.dialect]
    counts = ", ".join(unheld(table, orders, dialect).values())
    [row] = engine.query(f"SELECT {counts} FROM raw", table).to_pylist()
    assert [*row.values()] == [2, 2]
    assert unheld(table, wide, dialect) == {}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"schema": {**orders.schema, "amount": "decimal(18,2)"}},
            "column 'amount' holds decimal(18,6) and is now declared decimal(18,2); keep the type",
        ),
        (
            {"schema": {**orders.schema, "rate": "bigint"}},
            "column 'rate' holds double and is now declared bigint; keep the type",
        ),
        (
            {"schema": {**orders.schema, "day": "timestamp"}},
            "column 'day' holds date and is now declared timestamp; keep the type",
        ),
        (
            {"schema": {**orders.schema, "kind": "boolean"}},
            "column 'kind' holds string and is now declared boolean; keep the type",
        ),
        (
            {"entity": None, "entities": {Entity("person", key="id"): "count"}},
            "have key count, event timestamp day, tiebreaker order; declare these as before",
        ),
        (
            {"event_timestamp": "paid", "schema": {**orders.schema, "paid": "date"}},
            "have key id, event timestamp paid, tiebreaker order; declare these as before",
        ),
        ({"tiebreaker": "count"}, "have key id, event timestamp day, tiebreaker count; declare"),
        ({"tiebreaker": names.EVENT_DIGEST}, "have key id, event timestamp day, no tiebreaker"),
    ],
    ids=[
        "fewer digits",
        "whole numbers",
        "an instant for a date",
        "another kind",
        "another key",
        "another event timestamp",
        "another tiebreaker",
        "no tiebreaker",
    ],
)
def test_what_cannot_work_is_refused_with_the_way_out_and_nothing_is_written(
    tmp_path: Path, lake: Lake, changes: Mapping[str, Any], told: str
) -> None:
    add(write_csv(tmp_path, GOOD, "torn"), lake)
    before = (raw(lake), quarantine(lake))
    changed = replace(orders, **{"checks": [], **changes})
    row = line(order="11", rate="1", kind="true")
    later = write_csv(tmp_path, f"{row},2021-05-01", "torn", header=f"{HEADER},paid", name="b.csv")
    for attempt in (
        lambda: add(later, lake, changed),
        lambda: check_declared([changed], lake),
    ):
        with pytest.raises(InputError) as refusal:
            attempt()
        assert str(refusal.value).startswith(f"{lake.uri('raw', 'orders')}: ")
        assert told in str(refusal.value)
        assert "\n" not in str(refusal.value)
        assert str(refusal.value).endswith("all files into a source of another name")
    assert (raw(lake), quarantine(lake)) == before
    check_declared([orders], lake)


def test_whole_numbers_that_a_double_would_round_are_not_read_as_doubles(
    tmp_path: Path, lake: Lake
) -> None:
    add(write_csv(tmp_path, line(order=str(2**53 + 1))), lake)
    with pytest.raises(
        InputError, match="'order' has whole numbers beyond 2\\*\\*53 in 1 rows, which"
    ):
        read(
            lake,
            DuckDBEngine(),
            replace(orders, schema={**orders.schema, "order": "double"}, tiebreaker="count"),
            "order",
        )


def test_a_retraction_and_a_file_of_refused_rows_follow_the_widened_type(
    tmp_path: Path, lake: Lake, database_url: str
) -> None:
    wide = declared(count="double")
    add(write_csv(tmp_path, GOOD), lake)
    add(write_csv(tmp_path, "torn", name="torn.csv"), lake, wide)
    assert read(lake, DuckDBEngine(), wide, "count") == [2.0]
    asked = Withdrawal(("1",), "entered twice")
    assert retract(wide, lake, Ledger(database_url), asked, NOW).events == 1
    assert read(lake, DuckDBEngine(), wide, "count") == [2.0, None]
