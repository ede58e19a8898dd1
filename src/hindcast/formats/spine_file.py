"""Callers' files of keys and instants, as they are written; and what a row is called."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from hindcast.engines.duckdb import session
from hindcast.errors import InputError, first_line
from hindcast.formats.source_file import SourceFile, opened, rows


@dataclass(frozen=True)
class Rows:
    """A table, with what messages call it and its rows; digest: of the file it was read from."""

    table: pa.Table
    name: str = "spine"
    file: SourceFile | None = None
    digest: str = ""

    def where(self, row: int) -> str:
        """What a row, counted from 0, is called: its line in a CSV file, else its number from 1."""
        if self.file is None:
            return f"{self.name} row {row + 1}"
        return f"{self.name} {self.file.unit} {self.file.lines(np.array([row], np.int64))[0]}"


def read(path: Path) -> Rows:
    """A whole file in its order: CSV as text (an empty value is null), Parquet with its types.

    Raises InputError for a file that is missing, empty or of another kind, and for a torn line.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; name a CSV or Parquet file")
    with session() as connection, opened(path, path.name, connection) as file:
        try:
            table = rows(file, connection).to_arrow_table()
            torn = file.torn(connection, table.num_rows)
        except duckdb.Error as error:
            raise InputError(f"{path.name}: cannot be read: {first_line(error)}") from error
    if torn:
        raise InputError(f"{path.name} line {torn[0].line}: {torn[0].reason}; correct the line")
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Rows(table, path.name, file, digest)
