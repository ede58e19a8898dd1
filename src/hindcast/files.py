"""Files a source is read from: their columns, the relation DuckDB reads, and torn lines."""

import csv
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hindcast.definitions import Source
from hindcast.errors import InputError

CSV_ENDINGS = (".csv", ".csv.gz")


@dataclass(frozen=True)
class Rejected:
    """Lines that are no rows at all, such as one with too few columns; lines ascend."""

    lines: NDArray[np.int64]
    reasons: list[str]
    records: list[str]

    def lines_of(self, positions: NDArray[np.int64], first_line: int) -> NDArray[np.int64]:
        """The lines of rows that were read, from their positions among the rows that were read."""
        before = self.lines - first_line - np.arange(len(self.lines))
        return positions + first_line + np.searchsorted(before, positions, side="right")


@dataclass(frozen=True)
class SourceFile:
    """A file with its column types as DuckDB reads them, and the SQL relation that reads it."""

    name: str
    types: Mapping[str, str]
    relation: str
    first_line: int
    is_csv: bool

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
            [row[2] for row in rows],
        )


def open_file(path: Path, source: Source, connection: duckdb.DuckDBPyConnection) -> SourceFile:
    """Look at a file's header only; raises InputError naming a column that is missing."""
    if path.name.endswith(CSV_ENDINGS):
        file = _csv(path)
    elif path.suffix == ".parquet":
        file = _parquet(path, connection)
    else:
        raise InputError(f"{path.name}: not .csv, .csv.gz or .parquet; rename or convert it")
    missing = [column for column in source.types if column not in file.types]
    if missing:
        raise InputError(
            f"{path.name}: column '{missing[0]}' of source '{source.name}' is missing; "
            f"the file has {', '.join(file.types)}"
        )
    return file


def _csv(path: Path) -> SourceFile:
    columns = _header(path)
    types = ", ".join(f"{_literal(column)}: 'VARCHAR'" for column in columns)
    relation = (
        f"read_csv({_literal(str(path))}, columns={{{types}}}, header=true, auto_detect=false, "
        "delim=',', quote='\"', escape='\"', store_rejects=true, rejects_limit=0)"
    )
    return SourceFile(path.name, dict.fromkeys(columns, "VARCHAR"), relation, 2, True)


def _parquet(path: Path, connection: duckdb.DuckDBPyConnection) -> SourceFile:
    try:
        pq.read_schema(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name}: not a Parquet file: {error}") from error
    relation = f"read_parquet({_literal(str(path))})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return SourceFile(path.name, {row[0]: row[1] for row in described}, relation, 1, False)


def _header(path: Path) -> list[str]:
    try:
        with _text(path) as stream:
            columns = next(csv.reader(stream), [])
    except (OSError, csv.Error) as error:
        raise InputError(f"{path.name}: the header cannot be read: {error}") from error
    if not columns:
        raise InputError(f"{path.name}: the file is empty; its first line must name the columns")
    twice = [column for column in columns if columns.count(column) > 1]
    if twice:
        raise InputError(f"{path.name}: column '{twice[0]}' is in the header twice; rename one")
    return columns


def _text(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
