"""CSV files of any records, by Python's csv module: line breaks in quotes, any line ends."""

import csv
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hindcast.errors import InputError
from hindcast.formats.torn import Torn, check_count, columns_reason

_BATCH_ROWS = 10_000
# A longer value is one whose quote was not closed where it should have been.
_LONGEST = 1 << 26
# The csv module's words for a text that ends within quotes.
_NO_END = "unexpected end of data"


@dataclass(frozen=True)
class Record:
    """A record: the line it starts in, its whole text, its cells (none in a blank line).

    fault: what is wrong with its quotes.
    """

    line: int
    text: str
    cells: list[str]
    fault: str | None


def text(path: Path) -> IO[str]:
    """A plain file's text with its line ends; a byte that is not UTF-8 is a lone surrogate."""
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def records(stream: Iterable[str], name: str) -> Iterator[Record]:
    """Every record of a CSV text, whole; raises InputError for one that does not end."""
    csv.field_size_limit(_LONGEST)
    lines: list[str] = []
    reader = csv.reader(_kept(stream, lines))
    start = 1
    try:
        for cells in reader:
            fault = _fault(lines)
            if fault == _NO_END:
                raise _not_closed(name, start)
            yield Record(start, "".join(lines), cells, fault)
            start += len(lines)
            lines.clear()
    except csv.Error as error:
        raise _not_closed(name, start) from error


def _kept(stream: Iterable[str], lines: list[str]) -> Iterator[str]:
    """The lines of a stream, each also added to the list."""
    for line in stream:
        lines.append(line)
        yield line


def _fault(lines: Sequence[str]) -> str | None:
    """What a strict reader says of one record's lines; the other one takes what it can."""
    if any('"' in line for line in lines):
        try:
            next(csv.reader(lines, strict=True))
        except csv.Error as error:
            return str(error)
    return None


def _not_closed(name: str, line: int) -> InputError:
    return InputError(
        f"{name} line {line}: a quote is opened in this record and never closed; close it, or "
        "copy the file again if its end is missing"
    )


class CsvRecords:
    """A CSV file whose records were read one by one into a file of Arrow, beside what is none."""

    unit = "line"

    def __init__(self, path: Path, name: str, columns: Sequence[str], folder: Path) -> None:
        """Raises InputError where a quote is never closed."""
        self.name, self.columns = name, columns
        self.types: Mapping[str, str] = dict.fromkeys(columns, "VARCHAR")
        self._starts = array("q")
        self._torn: list[Torn] = []
        self._rows = folder / "records.arrow"
        schema = pa.schema([(column, pa.string()) for column in columns])
        with text(path) as stream, pa.ipc.new_stream(str(self._rows), schema) as staged:
            rows = self._accepted(islice(records(stream, name), 1, None))
            while batch := list(islice(rows, _BATCH_ROWS)):
                arrays = [pa.array(cells, pa.string()) for cells in zip(*batch, strict=True)]
                staged.write_batch(pa.record_batch(arrays, schema=schema))

    def _accepted(self, found: Iterable[Record]) -> Iterator[list[str | None]]:
        """The cells of each record that is a row; an empty one is null."""
        is_single = len(self.columns) == 1
        for record in found:
            if not record.cells and not is_single:
                continue
            reason = _reason(record, len(self.columns))
            if reason:
                self._torn.append(Torn(record.line, reason, _shown(record.text)))
                continue
            self._starts.append(record.line)
            yield [cell or None for cell in record.cells] or [None]

    def relation(self, connection: duckdb.DuckDBPyConnection) -> str:
        """The SQL relation of its rows as text, an empty value as null; to be read once."""
        connection.register("records", pa.ipc.open_stream(pa.memory_map(str(self._rows))))
        return "records"

    def torn(self, connection: duckdb.DuckDBPyConnection, rows: int) -> list[Torn]:
        """What is no row, once so many rows are read; raises what check_count raises."""
        check_count(self.name, rows, len(self._starts))
        return self._torn

    def lines(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The lines, from 1, of rows by their positions among the rows."""
        return np.array(self._starts, np.int64)[positions]


def _reason(record: Record, width: int) -> str | None:
    """Why a record is no row."""
    cells = record.cells or [""]
    if record.fault:
        return "text stands beside a quoted value; double the quotes that are part of it"
    if len(cells) != width:
        return columns_reason(len(cells), width)
    return None if _shown(record.text) == record.text.rstrip("\r\n") else "it is not UTF-8 text"


def _shown(text: str) -> str:
    """A record's text without its line end, and with a replacement for what is not UTF-8."""
    return text.encode(errors="surrogateescape").decode(errors="replace").rstrip("\r\n")
