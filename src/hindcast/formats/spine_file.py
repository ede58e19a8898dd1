"""Callers' files of keys and instants, as they are written; and what a row is called."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from hindcast.engines.duckdb import session
from hindcast.errors import InputError, first_line
from hindcast.formats.source_file import Rejected, SourceFile, look


@dataclass(frozen=True)
class Rows:
    """A table, with what messages call it and its rows."""

    table: pa.Table
    name: str = "spine"
    file: SourceFile | None = None

    def where(self, row: int) -> str:
        """What a row, counted from 0, is called: its line in a CSV file, else its number from 1."""
        if self.file is None or not self.file.is_csv:
            return f"{self.name} row {row + 1}"
        nothing = Rejected(np.empty(0, np.int64), [], [])
        _, lines = self.file.lines(nothing, np.array([row], np.int64))
        return f"{self.name} line {lines[0]}"


def read(path: Path) -> Rows:
    """A whole file in its order: CSV as text (an empty value is null), Parquet with its types.

    Raises InputError for a file that is missing, empty or of another kind, and for a torn line.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; name a CSV or Parquet file")
    with session() as connection:
        file = look(path, path.name, connection)
        try:
            table = connection.sql(f"SELECT * FROM {file.relation}").to_arrow_table()
            rejected = file.rejected(connection)
        except duckdb.Error as error:
            raise InputError(f"{path.name}: cannot be read: {first_line(error)}") from error
    if len(rejected.lines):
        starts, _ = file.lines(rejected, np.empty(0, np.int64))
        raise InputError(f"{path.name} line {starts[0]}: {rejected.reasons[0]}; mend the line")
    return Rows(table, path.name, file)
