"""Quarantine: the rows that ingest refused, with the reason: counted, listed and exported."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hindcast import names
from hindcast.data.refused import QUARANTINE_SCHEMA, kind_of
from hindcast.definitions import Source
from hindcast.formats import table_file
from hindcast.stores.lake import Lake

# Rows that a report shows; an export has them all.
SHOWN_ROWS = 10
_NOTHING = pa.schema([("source", pa.string()), *QUARANTINE_SCHEMA]).empty_table()
_NEWEST_FIRST = [(names.RECORDED_AT, "descending"), ("file", "ascending"), ("line", "ascending")]


@dataclass(frozen=True)
class QuarantineReport:
    """Refused rows: how many, by kind of reason the most frequent first, and the newest of them.

    exported: rows written to a file; None where no file is named.
    """

    rows: int
    reasons: Mapping[str, int]
    newest: tuple[str, ...]
    exported: int | None


def quarantine(
    sources: Iterable[Source], lake: Lake, reason: str | None = None, out: Path | None = None
) -> QuarantineReport:
    """Report the refused rows of sources, and write them to a file if one is named.

    reason: only rows whose reason contains this text. The file has the columns source, file,
    digest, line, field, value, reason, record (the row as it was read) and recorded_at. Raises
    InputError where it cannot be written.
    """
    if out is not None:
        table_file.check_out(out)
    table = pa.concat_tables([_NOTHING, *(_refused(source, lake) for source in sources)])
    if reason is not None:
        table = table.filter(pc.match_substring(table["reason"], reason))
    table = table.sort_by(_NEWEST_FIRST)
    kinds = Counter(map(kind_of, table["reason"].to_pylist()))
    return QuarantineReport(
        rows=table.num_rows,
        reasons=dict(kinds.most_common()),
        newest=tuple(map(_line, table.slice(0, SHOWN_ROWS).to_pylist())),
        exported=None if out is None else table_file.write(table, out),
    )


def _refused(source: Source, lake: Lake) -> pa.Table:
    """A source's refused rows with its name before them; none where it never had any."""
    table = lake.find(names.QUARANTINE, source.name)
    if table is None:
        return _NOTHING
    rows = table.to_pyarrow_table()
    return rows.add_column(0, "source", pa.repeat(source.name, rows.num_rows))


def _line(row: Mapping[str, Any]) -> str:
    return f"{row['source']}: {row['file']} line {row['line']}: {row['reason']}"
