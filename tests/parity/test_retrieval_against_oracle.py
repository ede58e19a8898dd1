"""Retrieval gives what the oracle gives: historical for any spine, online for any request."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hindcast.bootstrap import engine as engine_of
from hindcast.compiler.query import Knowledge
from hindcast.compiler.service import of_view
from hindcast.compiler.serving import serving_query
from hindcast.data import known_then, retrieve
from hindcast.data.materialize import materialize
from hindcast.engines.base import Engine
from hindcast.serving import store as serving
from hindcast.serving.requests import Question
from hindcast.stores.lake import Lake
from hindcast.stores.online import OnlineStore
from tests.parity import histories, oracle
from tests.parity.histories import Definition
from tests.parity.oracle import Event, Seen
from tests.parity.test_engines_against_oracle import (
    ASKED,
    INSTANT,
    LENIENT,
    hold,
    knowledges,
    raw_table,
    same,
    spine_row,
)

END = datetime(2100, 1, 1, tzinfo=histories.START.tzinfo)
MaybeKnown = tuple[int, datetime, datetime | None, datetime | None]
# Of three entities with events; 4 and 5 have none.
KEYS = st.lists(st.integers(1, 5), max_size=8)


@st.composite
def spines(draw: st.DrawFn) -> list[MaybeKnown]:
    """Rows in any order, some of them twice, some without a knowledge of their own."""
    rows = [(*row[:3], draw(st.none() | st.just(row[3]))) for row in draw(ASKED)]
    return draw(
        st.permutations(rows + draw(st.lists(st.sampled_from(rows)) if rows else st.just([])))
    )


def lake_of(folder: Path, events: list[Event], whole_days: bool) -> Lake:
    raw_table(folder / "raw" / "events", events, whole_days)
    return Lake(str(folder))


def table_of(asked: list[MaybeKnown], key_as_text: bool) -> pa.Table:
    """The rows, with a column of the caller's own between them."""
    keys, instants, asked_at, known_by = zip(*asked, strict=True) if asked else ((),) * 4
    key_column = pa.array(keys, pa.int64())
    return pa.table(
        {
            "event_timestamp": pa.array(instants, INSTANT),
            "mine": pa.array([f"row {n}" for n in range(len(asked))], pa.string()),
            "key": key_column.cast(pa.string()) if key_as_text else key_column,
            "asked_at": pa.array(asked_at, INSTANT),
            "known_by": pa.array(known_by, INSTANT),
        }
    )


def check_historical(engine: Engine, folder: Path, examples: int) -> None:
    """Every row has its own columns, in order, and the oracle's features."""

    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=LENIENT)
    @given(
        events=histories.events(whole_days=False),
        definition=histories.definitions(whole_days=False),
        known_by=st.none() | histories.RECORDED,
        asked=spines(),
        key_as_text=st.booleans(),
    )
    def holds(
        events: list[Event],
        definition: Definition,
        known_by: datetime | None,
        asked: list[MaybeKnown],
        key_as_text: bool,
    ) -> None:
        lake, spine = lake_of(folder, events, whole_days=False), table_of(asked, key_as_text)
        found = retrieve.historical(definition.view, engine, lake, spine, known_by)
        assert found.select(spine.column_names).equals(spine)
        assert found.column_names == [*spine.column_names, *definition.meanings]
        for row, (key, at, asked_at, known) in zip(found.to_pylist(), asked, strict=True):
            history = oracle.known(events, END, known or known_by or at)
            hold(row, spine_row(key, at, asked_at), history, definition)

    holds()


@pytest.mark.parametrize("crowded", [0, known_then.CROWDED], ids=["rows", "instants"])
def test_historical_is_the_oracle_row_by_row_on_duckdb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crowded: int
) -> None:
    """Whether windows find their ends by counting rows or among instants."""
    monkeypatch.setattr(known_then, "CROWDED", crowded)
    check_historical(engine_of("duckdb"), tmp_path, examples=24)


def test_historical_is_the_oracle_row_by_row_on_spark(tmp_path: Path) -> None:
    check_historical(engine_of("spark"), tmp_path, examples=3)


def as_served(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


@pytest.mark.parametrize("whole_days", [True, False], ids=["dates", "timestamps"])
def test_online_is_the_oracle_as_of_the_materialization_and_asked_now(
    tmp_path: Path, database_url: str, whole_days: bool
) -> None:
    @settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=LENIENT)
    @given(
        events=histories.events(whole_days),
        definition=histories.definitions(whole_days),
        k=knowledges(),
        keys=KEYS,
        now=histories.INSTANTS,
    )
    def holds(
        events: list[Event], definition: Definition, k: Knowledge, keys: list[int], now: datetime
    ) -> None:
        history = oracle.known(events, k.as_of, k.known_by)
        assume(history)
        lake, duckdb = lake_of(tmp_path, events, whole_days), engine_of("duckdb")
        with OnlineStore(database_url) as store:
            run = materialize(definition.view, duckdb, lake, store, k, force=True)
        found = retrieve.online(definition.view, database_url, keys, now)
        assert found["key"].to_pylist() == keys
        for row in found.to_pylist():
            is_known = any(event["key"] == row["key"] for event in history)
            assert row["materialization"] == (run.run_id if is_known else None)
            assert row["features_as_of"] == (k.as_of if is_known else None)
            for name, meaning in definition.meanings.items():
                expected = meaning(history, spine_row(row["key"], k.as_of, now))
                assert same(row[name], as_served(expected) if is_known else None)
        check_cold_start(database_url, definition, history, keys, k.as_of, now)

    holds()


def check_cold_start(
    url: str, definition: Definition, history: list[Event], keys: list[int], as_of: datetime,
    now: datetime,
) -> None:  # fmt: skip
    """A release that answers without a history is served the oracle's features for any key."""
    sql = serving_query(of_view(definition.view, list(definition.meanings)), "answer")
    store = serving.OnlineReader(serving.Database(url), sql)
    try:
        rows = store.read_many([Question((key,)) for key in keys], now)
    finally:
        store.close()
    for key in keys:
        row = rows[Question((key,))]
        asked = spine_row(key, as_of, now)
        for name, meaning in definition.meanings.items():
            assert same(row[name], as_served(meaning(history, asked)))
        assert row["features_as_of"] == as_of
        has_history = oracle.prior(history, asked, Seen())
        assert row["_unseen"] == ("" if has_history else definition.view.view.name)


@pytest.mark.parametrize("whole_days", [True, False], ids=["dates", "timestamps"])
def test_an_online_answer_is_the_historical_row_of_its_two_instants(
    tmp_path: Path, database_url: str, whole_days: bool
) -> None:
    definition = histories.everything(whole_days)

    # The view has every kind of feature, so that few histories say much.
    @settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=LENIENT)
    @given(events=histories.events(whole_days), k=knowledges(), now=histories.INSTANTS)
    def holds(events: list[Event], k: Knowledge, now: datetime) -> None:
        known = sorted({e["key"] for e in oracle.known(events, k.as_of, k.known_by)})
        assume(known)
        lake, duckdb = lake_of(tmp_path, events, whole_days), engine_of("duckdb")
        with OnlineStore(database_url) as store:
            materialize(definition.view, duckdb, lake, store, k, force=True)
        online = retrieve.online(definition.view, database_url, known, now)
        spine = pa.table({"key": known, "as_of": [k.as_of] * len(known)})
        spine = spine.append_column("asked_at", pa.array([now] * len(known), INSTANT))
        past = retrieve.historical(definition.view, duckdb, lake, spine, k.known_by)
        features = list(definition.meanings)
        served = [
            {name: as_served(value) for name, value in row.items()}
            for row in past.select(features).to_pylist()
        ]
        assert online.select(features).to_pylist() == served

    holds()
