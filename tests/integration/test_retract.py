"""Retractions: one more record withdraws an event, which is there as known before it."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from hindcast.compiler import query
from hindcast.compiler.features import compile_view
from hindcast.compiler.query import Knowledge
from hindcast.data import retrieve
from hindcast.data.retract import Withdrawal, retract
from hindcast.definitions import Feature, FeatureView, prior
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.errors import InputError
from hindcast.stores.lake import Lake
from hindcast.stores.ledger import Ledger
from tests.integration.orders import GOOD, HEADER, NOW, add, line, orders, raw, write_csv

LATER = NOW + timedelta(hours=1)
VIEW = compile_view(FeatureView("v", orders, [Feature("n", "count(*)", over=prior())]))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two orders of person 1 on a day and one on the next, and one of person 2."""
    found = Lake(str(tmp_path / "lake"))
    lines = [line(), line(order="11"), line(day="2021-05-02"), line(id="2")]
    add(write_csv(tmp_path, *lines), found)
    return found


def counts(lake: Lake, known_by: timedelta = timedelta(0)) -> dict[int, int]:
    """Each person's orders, as known so long after the retraction."""
    engine, knowledge = DuckDBEngine(), Knowledge(LATER, LATER + known_by)
    sql = query.materialization(VIEW, engine.dialect, knowledge)
    table = lake.open("raw", "orders", fix="")
    rows = engine.query(sql, table, source=orders).to_pylist()
    return {row["id"]: row["n"] for row in rows if not row["_is_event"]}


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (Withdrawal(("1",), "twice", "2021-05-01", "10"), {1: 2, 2: 1}),
        (Withdrawal(("1",), "twice", "2021-05-01"), {1: 1, 2: 1}),
        (Withdrawal(("1",), "another's"), {2: 1}),
    ],
    ids=["an event", "those of an instant", "those of a key"],
)
def test_what_is_withdrawn_is_there_as_known_before(
    lake: Lake, database_url: str, asked: Withdrawal, left: dict[int, int]
) -> None:
    report = retract(orders, lake, Ledger(database_url), asked, LATER)
    assert report.events == 4 - sum(left.values())
    assert counts(lake) == left
    assert counts(lake, -timedelta(microseconds=1)) == {1: 3, 2: 1}
    assert len(raw(lake)) == 4 + report.events


MIDNIGHT = LATER.replace(hour=0)


@pytest.mark.parametrize(
    ("column", "known_from"), [("learned", LATER), ("recorded_at", MIDNIGHT)], ids=["other", "own"]
)
def test_where_recorded_at_is_a_date_a_retraction_is_known_from_its_midnight(
    tmp_path: Path, database_url: str, column: str, known_from: datetime
) -> None:
    """As every record of that day is; a source's date of another name leaves it its instant."""
    schema = {**orders.schema, column: "date"}
    dated, lake = replace(orders, schema=schema, recorded_at=column), Lake(str(tmp_path / "lake"))
    add(write_csv(tmp_path, f"{GOOD},2021-06-01", header=f"{HEADER},{column}"), lake, dated)
    assert retract(dated, lake, Ledger(database_url), Withdrawal(("1",), "x"), LATER).events == 1
    known = [known_from - timedelta(microseconds=1), known_from]
    spine = pa.table({"id": [1, 1], "as_of": [LATER, LATER], "known_by": known})
    view = compile_view(FeatureView("v", dated, [Feature("n", "count(*)", over=prior())]))
    found = retrieve.historical(view, DuckDBEngine(), lake, spine)
    assert found["n"].to_pylist() == [1, 0]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Withdrawal(("3",), "why"), "source 'orders': no such event of 3 is known"),
        (Withdrawal(("1.4",), "why"), "source 'orders': no such event of 1.4 is known"),
        (Withdrawal(("x'",), "why"), "source 'orders': no such event of x' is known"),
        (Withdrawal(("1",), "why", "2021-05-09"), "no such event"),
        (Withdrawal(("1",), " "), "a retraction's reason is empty"),
        (Withdrawal(("1",), "why", None, "10"), "give its timestamp too"),
    ],
)
def test_what_is_not_there_cannot_be_withdrawn(
    lake: Lake, database_url: str, asked: Withdrawal, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        retract(orders, lake, Ledger(database_url), asked, LATER)
    assert len(raw(lake)) == 4
