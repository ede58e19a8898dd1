"""Files whose records Python reads one by one: rows go to a file of Arrow, others are kept."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hindcast.formats.torn import Torn, check_count

_BATCH_ROWS = 10_000

# The line, from 1, that a record starts in, and its values as text.
Row = tuple[int, list[str | None]]


class StagedFile:
    """A file of text that was read to its end."""

    unit = "line"

    def __init__(
        self, name: str, columns: Sequence[str], records: Iterable[Row | Torn], folder: Path
    ) -> None:
        """Raises what reading the records does."""
        self.name = name
        self.types: Mapping[str, str] = dict.fromkeys(columns, "VARCHAR")
        self._starts = array("q")
        self._torn: list[Torn] = []
        self._rows = folder / "records.arrow"
        schema = pa.schema([(column, pa.string()) for column in columns])
        rows = self._split(records)
        with pa.ipc.new_stream(str(self._rows), schema) as staged:
            while batch := list(islice(rows, _BATCH_ROWS)):
                arrays = [pa.array(values, pa.string()) for values in zip(*batch, strict=True)]
                staged.write_batch(pa.record_batch(arrays, schema=schema))

    def _split(self, records: Iterable[Row | Torn]) -> Iterator[list[str | None]]:
        for record in records:
            if isinstance(record, Torn):
                self._torn.append(record)
            else:
                line, values = record
                self._starts.append(line)
                yield values

    def relation(self, connection: duckdb.DuckDBPyConnection) -> str:
        """The SQL relation of its rows as text; to be read once."""
        connection.register("records", pa.ipc.open_stream(pa.memory_map(str(self._rows))))
        return "records"

    def torn(self, connection: duckdb.DuckDBPyConnection, rows: int) -> list[Torn]:
        """What is no row, once so many rows are read; raises what check_count raises."""
        check_count(self.name, rows, len(self._starts))
        return self._torn

    def lines(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The lines, from 1, of rows by their positions among the rows."""
        return np.array(self._starts, np.int64)[positions]
