"""Retract: withdraw accepted events by one more record of each; nothing is deleted."""

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime

import pyarrow as pa

from hindcast import names
from hindcast.compiler.dialects import DUCKDB
from hindcast.compiler.quoting import literal
from hindcast.compiler.values import parsed
from hindcast.datatypes import DataType
from hindcast.definitions import Source
from hindcast.definitions.formats import Values
from hindcast.engines import raw
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.errors import InputError
from hindcast.stores.lake import Lake
from hindcast.stores.ledger import Ledger

# What a retraction's record has for a file.
RETRACTION_FILE = "retraction"

# Rows of a retraction: of one instant, it comes after the rows of any file.
_AFTER_FILES = 2**62


@dataclass(frozen=True)
class RetractReport:
    """What was withdrawn: how many events of the key, known to be so from an instant on."""

    source: str
    key: tuple[str, ...]
    events: int
    known_from: datetime
    reason: str


@dataclass(frozen=True)
class Withdrawal:
    """Which events to withdraw, as texts, and why: all of a key, or of one instant, or one.

    key: a text for each key column of the source's first entity.
    """

    key: tuple[str, ...]
    reason: str
    timestamp: str | None = None
    tiebreaker: str | None = None


def retract(
    source: Source, lake: Lake, ledger: Ledger, asked: Withdrawal, now: datetime
) -> RetractReport:
    """Withdraw the events from now on, as a run in the ledger.

    As known by an earlier instant they are still there. Raises InputError where none is known.
    """
    if not asked.reason.strip():
        raise InputError("a retraction's reason is empty; say why the event is withdrawn")
    if asked.tiebreaker is not None and asked.timestamp is None:
        raise InputError("a tiebreaker alone names no event; give its timestamp too")
    columns = source.key_columns(source.first)
    if len(asked.key) != len(columns):
        raise InputError(
            f"source '{source.name}': its key is {', '.join(columns)}; give a value for each"
        )
    with ledger.run("retract", {"source": source.name, **asdict(asked)}) as run:
        events = _known(source, lake, asked, now)
        if not events.num_rows:
            named = ", ".join(asked.key)
            raise InputError(
                f"source '{source.name}': no such event of {named} is known; see its key and "
                "timestamp in the source's files"
            )
        records = _retractions(source, events, asked.reason, now)
        lake.append_once(
            f"retract-{uuid.uuid4().hex}",
            records,
            names.RAW,
            source.name,
            identity=raw.identity(source),
        )
        run.outputs["events"] = events.num_rows
    return RetractReport(source.name, asked.key, events.num_rows, now, asked.reason)


def _known(source: Source, lake: Lake, asked: Withdrawal, now: datetime) -> pa.Table:
    """Key, event timestamp and tiebreaker of the events that are there now."""
    table = lake.open(names.RAW, source.name, fix="run: hindcast ingest FILE")
    raw.check_declared([source], lake)
    event = ", ".join(DUCKDB.quote(column) for column in source.identity)
    last = ", ".join(f"{c} DESC" for c in (names.RECORDED_AT, names.INGESTED_AT, names.ROW))
    texts = (*asked.key, asked.timestamp, asked.tiebreaker)
    types = raw.columns(source)
    conditions = [
        f"{DUCKDB.quote(column)} = {_literal(text, types[column])}"
        for column, text in zip(source.identity, texts, strict=True)
        if text is not None
    ]
    sql = (
        f"SELECT {event} FROM raw WHERE {' AND '.join(conditions)} "
        f"AND {names.RECORDED_AT} <= TIMESTAMPTZ '{now.isoformat()}' "
        f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {event} ORDER BY {last}) = 1 "
        f"AND {names.RETRACTION} IS NULL ORDER BY ALL"
    )
    return DuckDBEngine().query(sql, table, source=source)


def _literal(text: str, kind: DataType) -> str:
    """A text read as ingest reads it; null, which equals nothing, where it is none of the type."""
    return parsed(literal(text), kind, "VARCHAR", Values())


def _retractions(
    source: Source, events: pa.Table, reason: str, now: datetime
) -> pa.RecordBatchReader:
    """A record per event that says nothing but which, when, and why.

    Where the source's column recorded_at is a date, it holds the day alone: as every record of that
    day, a retraction is known from its midnight (UTC) on.
    """
    count, types = events.num_rows, raw.columns(source)
    instant = pa.scalar(now, pa.timestamp("us", tz="UTC"))
    said = {
        **{name: events[name] for name in source.identity},
        names.RECORDED_AT: pa.repeat(instant, count).cast(types[names.RECORDED_AT].arrow()),
        names.INGESTED_AT: pa.repeat(instant, count),
        names.FILE: pa.repeat(RETRACTION_FILE, count),
        names.ROW: pa.array(range(_AFTER_FILES, _AFTER_FILES + count), pa.int64()),
        names.RETRACTION: pa.repeat(reason, count),
    }
    columns = [
        said[name].cast(kind.arrow()) if name in said else pa.nulls(count, kind.arrow())
        for name, kind in types.items()
    ]
    return pa.table(columns, names=list(types)).to_reader()
