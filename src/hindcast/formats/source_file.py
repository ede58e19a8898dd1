"""A file as a relation of DuckDB: its columns, its torn lines, the line of each row."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from hindcast.definitions import Source
from hindcast.errors import InputError
from hindcast.formats import csv, parquet
from hindcast.formats.objects import CSV_ENDINGS, ending


@dataclass(frozen=True)
class Rejected:
    """What is no row at all, such as a line with too few columns.

    lines: as the reader counts, blank ones too, and a quoted value over several as one; ascending.
    """

    lines: NDArray[np.int64]
    reasons: list[str]
    records: list[str]


@dataclass(frozen=True)
class SourceFile:
    """A file with its column types as DuckDB reads them, and the SQL relation that reads it.

    name: what messages and tables call it.
    """

    path: Path
    types: Mapping[str, str]
    relation: str
    name: str

    @property
    def is_csv(self) -> bool:
        """Whether it is text in lines."""
        return self.path.name.endswith(CSV_ENDINGS)

    def lines(
        self, rejected: Rejected, positions: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The lines, from 1, of rejected lines and of rows by their positions among those read.

        A Parquet file has no lines, and its rows are counted from 1.
        """
        if not self.is_csv:
            return rejected.lines, positions + 1
        with csv.text(self.path) as stream:
            starts, is_blank = csv.records(stream)
        # In a file of one column, a blank line is a row without a value.
        is_row = ~is_blank | (len(self.types) == 1)
        is_row[0] = False
        is_row[rejected.lines - 1] = False
        return starts[rejected.lines - 1], starts[is_row][positions]

    def rejected(self, connection: duckdb.DuckDBPyConnection) -> Rejected:
        """What the reader could not split into columns; known once the relation is read."""
        if not self.is_csv:
            return Rejected(np.empty(0, np.int64), [], [])
        rows = connection.execute(
            "SELECT line, any_value(error_message), any_value(csv_line) FROM reject_errors "
            "GROUP BY line ORDER BY line"
        ).fetchall()
        return Rejected(
            np.array([row[0] for row in rows], np.int64),
            [row[1].splitlines()[0] for row in rows],
            [row[2].lstrip("\r\n") for row in rows],
        )


def open_file(
    path: Path, name: str, source: Source, connection: duckdb.DuckDBPyConnection
) -> SourceFile:
    """Look at a file's header only; raises InputError naming a column that is missing."""
    file = look(path, name, connection)
    nested = [
        column
        for column, kind in file.types.items()
        if parquet.is_nested(kind) and column in source.types
    ]
    if nested:
        raise InputError(
            f"{name}: column '{nested[0]}' is {file.types[nested[0]]}; write plain values"
        )
    missing = [column for column in source.types if column not in file.types]
    if missing:
        raise InputError(
            f"{name}: column '{missing[0]}' of source '{source.name}' is missing; "
            f"the file has {', '.join(file.types)}"
        )
    return file


def look(path: Path, name: str, connection: duckdb.DuckDBPyConnection) -> SourceFile:
    """A file of any columns by its header alone; raises InputError for what cannot be read."""
    if ending(name) in CSV_ENDINGS:
        columns = csv.header(path, name)
        types = dict.fromkeys(columns, "VARCHAR")
        return SourceFile(path, types, csv.relation(path, columns), name)
    relation, types = parquet.describe(path, name, connection)
    return SourceFile(path, types, relation, name)
