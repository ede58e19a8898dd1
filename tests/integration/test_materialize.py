"""Materialize: a row per event offline and a row per entity online, as of T and known by K."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hindcast import names, project
from hindcast.bootstrap import ENGINES
from hindcast.bootstrap import engine as engine_of
from hindcast.compiler.features import compile_view
from hindcast.compiler.query import Knowledge
from hindcast.data.materialize import MaterializeReport, materialize
from hindcast.definitions import Feature, FeatureView, latest, prior
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.errors import InputError, NotFoundError, OnlineCheckError
from hindcast.stores.database import connect
from hindcast.stores.lake import Lake
from hindcast.stores.online import OnlineStore, ViewVersion
from tests.integration.orders import NOW, add, orders, write_csv

AS_OF = datetime(2021, 9, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
ordered = FeatureView(
    "ordered",
    orders,
    [
        Feature("nb_before", "count(*)", over=prior()),
        Feature("amount_before", "sum(amount)", over=prior()),
        Feature("is_cash", "kind = 'cash'", over=latest()),
    ],
)
view = compile_view(ordered)
VERSION = ViewVersion.of(view)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake that knew five orders of three people at NOW."""
    lake = Lake(str(tmp_path / "lake"))
    path = write_csv(
        tmp_path,
        "1,2021-05-01,1,1.5,1,0,cash",
        "1,2021-06-01,2,0.000001,1,0,card",
        "1,2021-09-01,3,4,1,0,cash",
        "2,2021-06-01,1,8,1,0,",
        "3,2021-08-31,1,16,1,0,cash",
    )
    add(path, lake)
    return lake


def run(
    lake: Lake,
    store: OnlineStore,
    as_of: datetime = AS_OF,
    known_by: datetime = NOW,
    force: bool = False,
) -> MaterializeReport:
    return materialize(view, DuckDBEngine(), lake, store, Knowledge(as_of, known_by), force=force)


def offline(lake: Lake) -> list[dict[str, Any]]:
    table = lake.open(names.FEATURES, "ordered", fix="").to_pyarrow_table()
    order = [(column, "ascending") for column in ("id", "event_timestamp", "tiebreaker")]
    return list(table.sort_by(order).to_pylist())


def online(store: OnlineStore) -> list[tuple[Any, ...]]:
    with connect(store.url) as connection:
        columns = "id, nb_before, amount_before, is_cash"
        query = f"SELECT {columns} FROM hindcast.{VERSION.relation} ORDER BY id"
        return connection.execute(query.encode()).fetchall()


def stamps(store: OnlineStore) -> set[tuple[Any, ...]]:
    """The instant and the run that the online rows say they are of."""
    with connect(store.url) as connection:
        columns = "features_as_of, materialization"
        query = f"SELECT DISTINCT {columns} FROM hindcast.{VERSION.relation}"
        return set(connection.execute(query.encode()).fetchall())


ROWS = [(1, 2, Decimal("1.500001"), False), (2, 1, Decimal(8), None), (3, 1, Decimal(16), True)]


def test_offline_has_one_row_per_event_with_its_run_and_definition(
    lake: Lake, store: OnlineStore
) -> None:
    report = run(lake, store)
    rows = offline(lake)
    assert [(row["id"], f"{row['event_timestamp']:%F}", row["tiebreaker"]) for row in rows] == [
        (1, "2021-05-01", 1),
        (1, "2021-06-01", 2),
        (2, "2021-06-01", 1),
        (3, "2021-08-31", 1),
    ]
    assert [row["nb_before"] for row in rows] == [0, 1, 0, 0]
    assert [row["amount_before"] for row in rows] == [None, Decimal("1.500000"), None, None]
    assert [row["is_cash"] for row in rows] == [None, True, None, None]
    assert {row[names.RUN_ID] for row in rows} == {report.run_id}
    assert {row[names.DEFINITION_HASH] for row in rows} == {view.definition_hash}


def test_online_has_one_typed_row_per_entity_that_says_what_it_is_of(
    lake: Lake, store: OnlineStore
) -> None:
    report = run(lake, store)
    assert online(store) == ROWS
    assert stamps(store) == {(AS_OF, report.run_id)}
    with connect(store.url) as connection:
        found = connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = 'hindcast' AND table_name = %s",
            [VERSION.relation],
        ).fetchall()
    assert dict(found) == {
        "id": "bigint",
        "nb_before": "bigint",
        "amount_before": "numeric",
        "is_cash": "boolean",
        "features_as_of": "timestamp with time zone",
        "materialization": "text",
    }


@pytest.mark.parametrize("folder", ["my lake", "é", "100%", "a*b", "who?", "{a}", "it's", "a#b"])
def test_a_lake_in_a_folder_of_an_odd_name_gives_the_same_rows(
    tmp_path: Path, lake: Lake, store: OnlineStore, folder: str
) -> None:
    moved = Lake(shutil.copytree(lake.root, str(tmp_path / folder / "lake")))
    more = write_csv(tmp_path, "2,2021-06-02,2,1,1,0,cash", name="more.csv")
    add(more, moved)
    assert run(moved, store).events == len(offline(moved)) == 5
    assert online(store) == [ROWS[0], (2, 2, Decimal(9), True), ROWS[2]]


def test_the_report_says_what_was_read_and_written(lake: Lake, store: OnlineStore) -> None:
    report = run(lake, store)
    assert report.view == "ordered"
    assert (report.events, report.entities, report.duplicates) == (4, 3, 0)
    assert report.raw_version == lake.open(names.RAW, "orders", fix="").version()
    assert report.definition_hash == view.definition_hash


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (datetime(2021, 5, 2, tzinfo=UTC), [(1, 1, Decimal("1.5"), True)]),
        (datetime(2021, 6, 1, tzinfo=UTC), [(1, 1, Decimal("1.5"), True)]),
        (datetime(2021, 6, 1, 0, 0, 0, 1, tzinfo=UTC), ROWS[:2]),
        (datetime(2021, 9, 1, tzinfo=UTC), ROWS),
        (
            datetime(2021, 9, 1, 0, 0, 0, 1, tzinfo=UTC),
            [(1, 3, Decimal("5.500001"), True), *ROWS[1:]],
        ),
    ],
)
def test_only_events_strictly_before_the_instant_are_seen(
    lake: Lake, store: OnlineStore, as_of: datetime, expected: list[tuple[Any, ...]]
) -> None:
    run(lake, store, as_of=as_of)
    assert online(store) == expected
    assert all(row["event_timestamp"] < as_of for row in offline(lake))


def test_a_record_learned_of_later_is_not_known_before(
    tmp_path: Path, lake: Lake, store: OnlineStore
) -> None:
    late = ["2,2021-06-01,1,80,1,0,cash", "2,2021-06-02,2,7,1,0,cash", "4,2021-05-01,1,1,1,0,cash"]
    add(write_csv(tmp_path, *late, name="late.csv"), lake, now=LATER)
    for known_by in (NOW, LATER - timedelta(microseconds=1)):
        assert run(lake, store, known_by=known_by).duplicates == 0
        assert online(store) == ROWS
    report = run(lake, store, known_by=LATER)
    assert (report.events, report.entities, report.duplicates) == (6, 4, 1)
    assert online(store) == [
        ROWS[0],
        (2, 2, Decimal(87), True),
        ROWS[2],
        (4, 1, Decimal(1), True),
    ]


def test_the_same_instants_give_the_same_rows_under_another_run(
    lake: Lake, store: OnlineStore
) -> None:
    first, rows = run(lake, store), offline(lake)
    second = run(lake, store)
    assert second.run_id != first.run_id
    assert replace(second, run_id=first.run_id) == first
    assert offline(lake) == [row | {names.RUN_ID: second.run_id} for row in rows]


def test_the_version_before_is_kept_for_a_rollback(lake: Lake, store: OnlineStore) -> None:
    first = run(lake, store)
    run(lake, store, as_of=AS_OF + timedelta(days=1))
    assert online(store)[0] == (1, 3, Decimal("5.500001"), True)
    assert store.rollback(VERSION).run_id == first.run_id
    assert online(store) == ROWS
    assert stamps(store) == {(AS_OF, first.run_id)}


def test_losing_most_entities_is_refused_and_the_old_rows_are_served_on(
    lake: Lake, store: OnlineStore
) -> None:
    first = run(lake, store)
    early = datetime(2021, 5, 2, tzinfo=UTC)
    with pytest.raises(OnlineCheckError, match=r"rows: 1, 3 before, .*; not swapped"):
        run(lake, store, as_of=early)
    assert stamps(store) == {(AS_OF, first.run_id)}
    assert run(lake, store, as_of=early, force=True).entities == 1
    assert online(store) == [(1, 1, Decimal("1.5"), True)]


def test_a_feature_that_lost_its_values_is_refused_by_name(
    tmp_path: Path, lake: Lake, store: OnlineStore
) -> None:
    first = run(lake, store)
    emptied = ["1,2021-05-01,1,,1,0,cash", "1,2021-06-01,2,,1,0,card", "3,2021-08-31,1,,1,0,cash"]
    add(write_csv(tmp_path, *emptied, name="emptied.csv"), lake, now=LATER)
    with pytest.raises(OnlineCheckError, match=r"'amount_before': 66\.7%, 0\.0% before"):
        run(lake, store, known_by=LATER)
    assert stamps(store) == {(AS_OF, first.run_id)}


@pytest.mark.parametrize("engine", ENGINES)
def test_without_an_event_nothing_is_written_and_the_error_names_both_clocks(
    lake: Lake, store: OnlineStore, engine: str
) -> None:
    first = run(lake, store)
    for as_of, known_by in [(datetime(2021, 5, 1, tzinfo=UTC), NOW), (AS_OF, AS_OF)]:
        with pytest.raises(InputError, match=r"source 'orders' has no event before .* known by"):
            materialize(view, engine_of(engine), lake, store, Knowledge(as_of, known_by))
    assert {row[names.RUN_ID] for row in offline(lake)} == {first.run_id}
    assert stamps(store) == {(AS_OF, first.run_id)}


def test_without_an_ingest_the_error_says_to_ingest(tmp_path: Path, store: OnlineStore) -> None:
    with pytest.raises(NotFoundError, match="does not exist yet; run: hindcast ingest FILE"):
        run(Lake(str(tmp_path / "empty")), store)


def test_an_unknown_feature_view_is_named_with_those_there_are() -> None:
    with pytest.raises(
        InputError, match="no feature view 'other'; the project has branch_book, cre"
    ):
        project.load(None).view("other")
