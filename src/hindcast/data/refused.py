"""Rows that ingest refused: the table of them, and why they were in general."""

import re
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from hindcast import names
from hindcast.compiler import checks
from hindcast.formats.source_file import SourceFile
from hindcast.formats.torn import Torn

QUARANTINE_SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("digest", pa.string()),
        ("line", pa.int64()),
        ("field", pa.string()),
        ("value", pa.string()),
        ("reason", pa.string()),
        ("record", pa.string()),
        (names.RECORDED_AT, pa.timestamp("us", tz="UTC")),
    ]
)
# A check, which may quote texts of its own, or a value: that ends where the reason goes on, as it
# may have apostrophes itself.
_QUOTED = re.compile(
    "(breaks check \".*?\"(?=; |$))|(?<= )'.*?'(?= (?:is not a|breaks check|at place) )", re.DOTALL
)
_COUNT = re.compile(r"\b\d+(?= (columns?|bytes|numbers)\b)|(?<=at place )\d+")


def table(
    file: SourceFile, digest: str, now: datetime, torn: list[Torn], bad: list[pa.RecordBatch]
) -> pa.Table:
    """Torn records and bad rows of the ingest query, in the order of their lines in the file."""
    nothing = pa.nulls(len(torn), pa.string())
    lines, reasons, records = (
        [getattr(each, name) for each in torn] for name in ("line", "reason", "record")
    )
    tables = [_stamped(file, digest, now, lines, [nothing, nothing, reasons, records])]
    if bad:
        rows = pa.Table.from_batches(bad)
        places = file.lines(rows[names.ROW].to_numpy())
        columns = (checks.FIELD, checks.VALUE, checks.REASON, checks.RECORD)
        tables.append(_stamped(file, digest, now, places, [rows[name] for name in columns]))
    return pa.concat_tables(tables).sort_by("line")


def _stamped(
    file: SourceFile,
    digest: str,
    now: datetime,
    lines: Sequence[int] | np.ndarray,
    columns: list[pa.Array | pa.ChunkedArray | list[str]],
) -> pa.Table:
    count = len(lines)
    stamps = pa.repeat(pa.scalar(now, pa.timestamp("us", tz="UTC")), count)
    constants = [pa.repeat(file.name, count), pa.repeat(digest, count)]
    return pa.table(
        [*constants, pa.array(lines, pa.int64()), *columns, stamps], schema=QUARANTINE_SCHEMA
    )


def kind_of(reason: str) -> str:
    """A reason without the values and counts of its row: rows refused alike are one kind."""
    without = _QUOTED.sub(lambda found: found[1] or "'...'", reason)
    return _COUNT.sub("...", without)
