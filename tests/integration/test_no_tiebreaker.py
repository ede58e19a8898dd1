"""Events of a source without a tiebreaker: those of one instant are not ordered, copies are one."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hindcast import names
from hindcast.compiler import query
from hindcast.compiler.features import compile_view
from hindcast.compiler.query import Knowledge
from hindcast.data.retract import Withdrawal, retract
from hindcast.definitions import Feature, FeatureView, Source, prior
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.stores.lake import Lake
from hindcast.stores.ledger import Ledger
from tests.integration.orders import GOOD, HEADER, NOW, add, line, orders, write_csv

UNORDERED = replace(orders, tiebreaker=names.EVENT_DIGEST)
FEATURES = [
    Feature("n", "count(*)", over=prior()),
    Feature("newest", "lag(amount)", over=prior()),
    Feature("last_two", "sum(amount)", over=prior(last=2)),
]


def rows(lake: Lake, source: Source) -> list[dict[str, Any]]:
    """The features of every event and entity, by day; amounts as numbers."""
    view = compile_view(FeatureView("v", source, FEATURES))
    later = NOW + timedelta(days=1)
    sql = query.materialization(view, "duckdb", Knowledge(later, later))
    table = lake.open(names.RAW, source.name, fix="")
    found = DuckDBEngine().query(sql, table, source=source).to_pylist()
    return sorted(found, key=lambda row: (row["event_timestamp"], row["newest"] or 0))


def test_events_of_one_instant_do_not_see_each_other(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    days = [line(), line(amount="7"), line(day="2021-05-02", amount="3")]
    add(write_csv(tmp_path, *days), lake, UNORDERED)
    first, second, third, entity = rows(lake, UNORDERED)
    assert [first["n"], second["n"], third["n"], entity["n"]] == [0, 0, 2, 3]
    assert [third["newest"], third["last_two"]] in ([1.5, 8.5], [7, 8.5])
    assert entity["newest"] == 3


def test_rows_equal_in_every_column_are_one_event(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    add(write_csv(tmp_path, GOOD, GOOD, line(rate="0.5")), lake, UNORDERED)
    add(write_csv(tmp_path, GOOD, name="again.csv"), lake, UNORDERED)
    assert rows(lake, UNORDERED)[-1]["n"] == 2


def test_a_column_declared_later_leaves_older_events_what_they_are(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    add(write_csv(tmp_path, GOOD), lake, UNORDERED)
    wider = replace(UNORDERED, schema={**orders.schema, "channel": "string"})
    header = f"{HEADER},channel"
    add(write_csv(tmp_path, f"{GOOD},", f"{GOOD},web", header=header, name="b.csv"), lake, wider)
    assert rows(lake, wider)[-1]["n"] == 2


def test_a_retraction_withdraws_the_events_of_an_instant(tmp_path: Path, database_url: str) -> None:
    lake = Lake(str(tmp_path / "lake"))
    add(write_csv(tmp_path, GOOD, line(day="2021-05-02")), lake, UNORDERED)
    asked = Withdrawal(("1",), "entered twice", "2021-05-01")
    assert retract(UNORDERED, lake, Ledger(database_url), asked, NOW).events == 1
    assert rows(lake, UNORDERED)[-1]["n"] == 1
