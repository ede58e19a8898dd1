"""DuckDB and Spark give, value for value, what a brute-force Python oracle gives."""

import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hindcast.bootstrap import engine as engine_of
from hindcast.compiler import query
from hindcast.compiler.features import CompiledView
from hindcast.compiler.query import Knowledge
from hindcast.compiler.service import of_view
from hindcast.data import known_then, training_set
from hindcast.data import spine as spines
from hindcast.engines.base import Engine
from hindcast.stores.lake import Lake
from tests.labels import own_label
from tests.parity import histories, oracle
from tests.parity.aggregates import Measured
from tests.parity.histories import Definition
from tests.parity.oracle import Event, Seen

RELATIVE = 1e-12
INSTANT = pa.timestamp("us", tz="UTC")
END = datetime.max.replace(tzinfo=UTC)
# Key, as of, asked at, known by.
Asked = tuple[int, datetime, datetime | None, datetime]
LENIENT = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large)


def knowledges() -> st.SearchStrategy[Knowledge]:
    return st.builds(
        Knowledge, as_of=histories.INSTANTS, known_by=histories.RECORDED, per_row=st.booleans()
    )


def raw_table(folder: Path, events: list[Event], whole_days: bool) -> DeltaTable:
    """The events as Ingest would have recorded them."""
    schema = pa.schema(
        [
            ("key", pa.int64()), ("at", pa.date32() if whole_days else INSTANT),
            ("tie", pa.int64()), ("money", pa.decimal128(18, 2)), ("real", pa.float64()),
            ("wide", pa.decimal128(38, 2)), ("big", pa.int64()), ("huge", pa.float64()),
            ("number", pa.int64()), ("flag", pa.string()), ("born", pa.date32()),
            ("vector", pa.list_(pa.float64())), ("label", pa.int64()), ("recorded_at", INSTANT),
            ("_ingested_at", INSTANT), ("_row", pa.int64()), ("_retraction", pa.string()),
            ("_event", pa.string()),
        ]
    )  # fmt: skip
    names = {
        "recorded_at": "recorded",
        "_ingested_at": "ingested",
        "_row": "row",
        "_retraction": "retraction",
    }
    told_apart = [event | {"_event": str(event["tie"])} for event in events]
    rows = [{field: e[names.get(field, field)] for field in schema.names} for e in told_apart]
    if whole_days:
        rows = [row | {"at": row["at"].date()} for row in rows]
    write_deltalake(str(folder), pa.Table.from_pylist(rows, schema), mode="overwrite")
    return DeltaTable(str(folder))


def same(got: Any, expected: Any) -> bool:
    """Equal; floats within 1e-12 relative; null only with null."""
    if got is None or expected is None:
        return got is None and expected is None
    if isinstance(expected, float):
        within = expected.within if isinstance(expected, Measured) else 0
        return math.isclose(got, expected, rel_tol=RELATIVE, abs_tol=within)
    if isinstance(expected, Decimal):
        return Decimal(got) == expected
    return bool(got == expected) and isinstance(got, bool) == isinstance(expected, bool)


def hold(got: dict[str, Any], row: Event, history: list[Event], definition: Definition) -> None:
    """Every feature of one result row is what the oracle says."""
    for name, meaning in definition.meanings.items():
        expression = definition.view.feature(name).tree.sql()
        expected = meaning(history, row)
        assert same(got[name], expected), f"{expression}: {got[name]!r}, oracle {expected!r}"


def spine_row(key: int, at: datetime, asked: datetime | None = None) -> Event:
    return {"key": key, "at": at, "tie": None, "asked": asked}


def rows_of(engine: Engine, sql: str, raw: DeltaTable, spine: pa.Table | None = None) -> list[Any]:
    return list(engine.query(sql, raw, spine).to_pylist())


def check_materialization(
    engine: Engine, raw: DeltaTable, events: list[Event], definition: Definition, k: Knowledge
) -> None:
    rows = rows_of(engine, query.materialization(definition.view, engine.dialect, k), raw)
    history = oracle.known(events, k.as_of, k.known_by)
    by_identity = {(e["key"], e["at"], e["tie"]): e for e in history}
    of_events = [row for row in rows if row["_is_event"]]
    of_entities = [row for row in rows if not row["_is_event"]]
    assert len(of_events) == len(history)
    records = Counter(event["key"] for event in oracle.records(events, k.as_of, k.known_by))
    assert len(of_entities) == len(records)
    assert {row["key"]: row["_records"] for row in of_entities} == records
    assert {row["_records"] for row in of_events} <= {None}
    for row in of_events:
        event = by_identity[row["key"], row["event_timestamp"], int(row["tiebreaker"])]
        hold(row, event, history, definition)
    for row in of_entities:
        assert row["event_timestamp"] == k.as_of
        hold(row, spine_row(row["key"], k.as_of), history, definition)


def check_training_set(
    engine: Engine, lake: Lake, events: list[Event], definition: Definition, k: Knowledge
) -> None:
    """Each matured row as of its last refresh, by its own knowledge; the label by that of k."""
    matures, view = timedelta(days=30), definition.view
    service = of_view(view, list(definition.meanings))
    labelled_by = own_label(view.view.source, matures)
    found = training_set.build(service, labelled_by, "answer", engine, lake, k)
    labelled = [e for e in oracle.known(events, k.as_of, k.known_by) if e["label"] is not None]
    mature = [event for event in labelled if event["at"] < k.as_of - matures]
    mature.sort(key=lambda event: (event["key"], event["at"], event["tie"]))
    assert found.left_out["label not mature yet"] == len(labelled) - len(mature)
    rows = found.table.to_pylist()
    assert [row["label"] for row in rows] == [event["label"] for event in mature]
    for row, event in zip(rows, mature, strict=True):
        seen = oracle.at_refresh(event, view.view.refreshed)
        known_by = min(seen["at"], k.known_by) if k.per_row else k.known_by
        hold(joined(row, view), seen, oracle.known(events, k.as_of, known_by), definition)


def joined(row: dict[str, Any], view: CompiledView) -> dict[str, Any]:
    """A training row, which has a column for each number of an array, with the arrays whole."""
    arrays = [feature for feature in view.features if feature.datatype.is_array]
    whole = {each.name: [row[column] for column in each.columns] for each in arrays}
    return row | {name: None if None in found else found for name, found in whole.items()}


def check_historical(
    engine: Engine, raw: DeltaTable, events: list[Event], definition: Definition, asked: list[Asked]
) -> None:
    """Each row by its own instant, knowledge and instant of asking."""
    keys, instants, asked_at, known_by = zip(*asked, strict=True) if asked else ((),) * 4
    columns = [pa.array(column, INSTANT) for column in (instants, known_by, asked_at)]
    spine = spines.typed(definition.view, {"key": pa.array(keys, pa.int64())}, *columns)
    rows = known_then.features(definition.view, engine, raw, spine).to_pylist()
    assert [(row["key"], row["as_of"]) for row in rows] == [(row[0], row[1]) for row in asked]
    for row, (key, at, asked_for, known) in zip(rows, asked, strict=True):
        history, expected = oracle.known(events, END, known), spine_row(key, at, asked_for)
        hold(row, expected, history, definition)
        assert row["_has_history"] == bool(oracle.prior(history, expected, Seen()))


ASKED = st.lists(
    st.tuples(
        *(st.integers(1, 4), histories.INSTANTS, st.none() | histories.INSTANTS),
        histories.RECORDED,
    ),
    max_size=6,
)


@pytest.mark.parametrize("whole_days", [True, False], ids=["dates", "timestamps"])
def test_duckdb_agrees_with_the_oracle(tmp_path: Path, whole_days: bool) -> None:
    check_engine(engine_of("duckdb"), tmp_path, whole_days, examples=18)


@pytest.mark.parametrize("whole_days", [True, False], ids=["dates", "timestamps"])
def test_spark_agrees_with_the_oracle(tmp_path: Path, whole_days: bool) -> None:
    check_engine(engine_of("spark"), tmp_path, whole_days, examples=2)


@pytest.mark.parametrize("name", ["duckdb", "spark"])
def test_numbers_at_the_edge_of_their_digits_are_exact_or_null(tmp_path: Path, name: str) -> None:
    history, everything = histories.at_the_edges(), Knowledge(END, END)
    raw = raw_table(tmp_path, history, whole_days=False)
    check_materialization(engine_of(name), raw, history, histories.of_digits(), everything)


def check_engine(engine: Engine, folder: Path, whole_days: bool, examples: int) -> None:
    """Random histories, definitions, clocks and spines, through all three spines."""

    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=LENIENT)
    @given(
        events=histories.events(whole_days),
        definition=histories.definitions(whole_days),
        k=knowledges(),
        asked=ASKED,
    )
    def holds(
        events: list[Event], definition: Definition, k: Knowledge, asked: list[Asked]
    ) -> None:
        raw = raw_table(folder / "raw" / "events", events, whole_days)
        check_materialization(engine, raw, events, definition, k)
        check_training_set(engine, Lake(str(folder)), events, definition, k)
        check_historical(engine, raw, events, definition, asked)

    holds()
