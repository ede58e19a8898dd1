"""CSV files whose records are lines, by a look at their bytes; DuckDB reads these, in parallel."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import duckdb
import numpy as np
from numpy.typing import NDArray

from hindcast.compiler.quoting import literal
from hindcast.definitions import Csv
from hindcast.formats import csv_records
from hindcast.formats.literals import pattern
from hindcast.formats.torn import Torn, check_count, columns_reason

# Longer lines are read as records; DuckDB refuses those over 2 MB.
_BLOCK = 1 << 20
_LF, _CR = b"\n\r"


@dataclass
class Look:
    """What the bytes of a file say: its lines, the blank ones by number, how lines end."""

    form: Csv
    lines: int = 0
    blank: list[NDArray[np.int64]] = field(default_factory=list)
    is_windows: bool | None = None
    has_quotes: bool = False

    def add(self, block: bytes) -> bool:
        """Take in whole lines; False when one of them may be no record by itself."""
        codes = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(codes == _LF)
        if not (self._ends_alike(block, codes, ends) and _is_utf8(block)):
            return False
        if self.form.quote and self.form.quote.encode() in block:
            self.has_quotes = True
            if not _quotes_whole_fields(codes, ends, self.form):
                return False
        empty = np.flatnonzero(np.diff(ends, prepend=-1) == 1 + bool(self.is_windows))
        if len(empty):
            self.blank.append(empty + self.lines + 1)
        self.lines += len(ends)
        return True

    def _ends_alike(self, block: bytes, codes: NDArray[np.uint8], ends: NDArray[np.int64]) -> bool:
        """Whether every line ends like those before: all in LF, or all in CR LF."""
        if self.is_windows is None:
            self.is_windows = block.endswith(b"\r\n")
        if not self.is_windows:
            return b"\r" not in block
        returns = np.count_nonzero(codes == _CR)
        return bool(returns == len(ends) and (codes[ends - 1] == _CR).all())


def look(path: Path, form: Csv) -> Look | None:
    """A look at a plain file; None where a record may not be a line: then csv_records reads it."""
    found = Look(form)
    with path.open("rb") as stream:
        for block in _blocks(stream):
            if block is None or not found.add(block):
                return None
    return found


def _blocks(stream: IO[bytes]) -> Iterator[bytes | None]:
    """The file in pieces of whole lines; None for a line that no piece holds."""
    while data := stream.read(_BLOCK):
        cut = data.rfind(b"\n") + 1
        if len(data) < _BLOCK and cut < len(data):
            yield data + (b"\r\n" if data[:cut].endswith(b"\r\n") else b"\n")
            return
        stream.seek(cut - len(data), 1)
        yield data[:cut] or None


def _is_utf8(block: bytes) -> bool:
    if block.isascii():
        return True
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _quotes_whole_fields(codes: NDArray[np.uint8], ends: NDArray[np.int64], form: Csv) -> bool:
    """Whether quotes pair up within each line, and enclose whole fields or are doubled in them."""
    quote, delimiter = ord(form.quote or ""), ord(form.delimiter)
    quotes = np.flatnonzero(codes == quote)
    if (np.searchsorted(quotes, ends) % 2).any():
        return False
    opening, closing = quotes[::2], quotes[1::2]
    # The first byte of all has the last one before it, a line end.
    before, after = codes[opening - 1], codes[closing + 1]
    starts = np.isin(before, [delimiter, _LF, quote])
    return bool(starts.all() and np.isin(after, [delimiter, _LF, _CR, quote]).all())


class CsvLines:
    """A CSV file that DuckDB reads line by line; blank lines are no records."""

    unit = "line"

    def __init__(self, path: Path, name: str, columns: Sequence[str], found: Look) -> None:
        self.path, self.name, self.columns, self.found = path, name, columns, found
        self.types: Mapping[str, str] = dict.fromkeys(columns, "VARCHAR")
        self._blank = np.concatenate([np.empty(0, np.int64), *found.blank])
        self._torn: list[Torn] = []

    def relation(self, connection: duckdb.DuckDBPyConnection) -> str:
        """The SQL relation of its rows as text, an empty value as null."""
        form = self.found.form
        quote = literal(form.quote or "")
        types = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in self.columns)
        # Where in a file quotes are open is a guess of the parallel reader's.
        parallel = "false" if self.found.has_quotes else "true"
        return (
            f"read_csv({pattern(self.path)}, columns={{{types}}}, header=true, auto_detect=false, "
            f"delim={literal(form.delimiter)}, quote={quote}, escape={quote}, "
            f"parallel={parallel}, "
            "store_rejects=true, rejects_limit=0)"
        )

    def torn(self, connection: duckdb.DuckDBPyConnection, rows: int) -> list[Torn]:
        """What is no row, once so many rows are read; raises what check_count raises."""
        found = connection.execute("SELECT DISTINCT line FROM reject_errors").fetchall()
        self._torn = list(self._read_torn({line for (line,) in found}))
        check_count(self.name, rows + len(found), self.found.lines - 1 - len(self._blank))
        return self._torn

    def _read_torn(self, wanted: set[int]) -> Iterator[Torn]:
        """The lines of these numbers, whole: DuckDB keeps but the start of one."""
        with self.path.open("rb") as stream:
            for number, text in enumerate(stream if wanted else (), 1):
                if number in wanted:
                    record = text.decode().rstrip("\r\n")
                    columns = len(next(csv_records.reader([record], self.found.form)))
                    yield Torn(number, columns_reason(columns, len(self.columns)), record)

    def lines(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The lines, from 1, of rows by their positions among the rows; known after torn."""
        torn = [torn.line for torn in self._torn]
        others = np.sort(np.concatenate([[1], self._blank, torn]).astype(np.int64))
        rows_before = others - 1 - np.arange(len(others))
        return positions + 1 + np.searchsorted(rows_before, positions, side="right")
