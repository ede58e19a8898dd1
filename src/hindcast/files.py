"""Files a source is read from: their columns, the relation DuckDB reads, and torn lines."""

import csv
import glob
import gzip
import re
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
_BLANK = ("\n", "\r\n", "\r")
# A quoted field, doubled quotes inside; without its last quote it goes on in the next line.
_QUOTED = re.compile(r'(?:^|(?<=,))"(?:[^"]|"")*("?)')


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
    """A file with its column types as DuckDB reads them, and the SQL relation that reads it."""

    path: Path
    types: Mapping[str, str]
    relation: str

    @property
    def name(self) -> str:
        """The file's name, without its folder."""
        return self.path.name

    @property
    def is_csv(self) -> bool:
        """Whether it is text in lines."""
        return self.name.endswith(CSV_ENDINGS)

    def lines(
        self, rejected: Rejected, positions: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The lines, from 1, of rejected lines and of rows by their positions among those read.

        A Parquet file has no lines, and its rows are counted from 1.
        """
        if not self.is_csv:
            return rejected.lines, positions + 1
        with _text(self.path) as stream:
            starts, is_blank = _records(stream)
        is_row = ~is_blank
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


def open_file(path: Path, source: Source, connection: duckdb.DuckDBPyConnection) -> SourceFile:
    """Look at a file's header only; raises InputError naming a column that is missing."""
    if path.name.endswith(CSV_ENDINGS):
        file = _csv(path)
    elif path.suffix == ".parquet":
        file = _parquet(path, connection)
    else:
        raise InputError(f"{path.name}: not .csv, .csv.gz or .parquet; rename or convert it")
    nested = [
        name for name, kind in file.types.items() if _is_nested(kind) and name in source.types
    ]
    if nested:
        raise InputError(
            f"{path.name}: column '{nested[0]}' is {file.types[nested[0]]}; write plain values"
        )
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
        f"read_csv({_pattern(path)}, columns={{{types}}}, header=true, auto_detect=false, "
        "delim=',', quote='\"', escape='\"', store_rejects=true, rejects_limit=0)"
    )
    return SourceFile(path, dict.fromkeys(columns, "VARCHAR"), relation)


def _parquet(path: Path, connection: duckdb.DuckDBPyConnection) -> SourceFile:
    try:
        pq.read_schema(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name}: not a Parquet file: {error}") from error
    relation = f"read_parquet({_pattern(path)})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    types = {row[0]: row[1] for row in described}
    return SourceFile(path, types, relation)


def _header(path: Path) -> list[str]:
    try:
        with _text(path) as stream:
            columns = next(csv.reader(stream), [])
    except (OSError, csv.Error) as error:
        raise InputError(f"{path.name}: the header cannot be read: {error}") from error
    if not columns:
        raise InputError(f"{path.name}: the file is empty; its first line must name the columns")
    if "" in columns:
        raise InputError(
            f"{path.name}: column {columns.index('') + 1} of the header has no name; name it, or "
            "remove the comma too many"
        )
    plain = [column.lower() for column in columns]
    twice = [name for name, lower in zip(columns, plain, strict=True) if plain.count(lower) > 1]
    if twice:
        raise InputError(f"{path.name}: column '{twice[-1]}' is in the header twice; rename one")
    return columns


def _records(stream: IO[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Of each record of a CSV file: the line it starts in, and whether it is a blank line."""
    starts: list[int] = []
    is_blank: list[bool] = []
    inside = False
    for number, line in enumerate(stream, 1):
        if not inside:
            starts.append(number)
            is_blank.append(line in _BLANK)
        if inside or '"' in line:
            quoted = '"' + line if inside else line
            inside = any(not match[1] for match in _QUOTED.finditer(quoted))
    return np.array(starts, np.int64), np.array(is_blank, np.bool_)


def _text(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))


def _pattern(path: Path) -> str:
    """DuckDB takes a path for a pattern; this one matches the path alone."""
    return _literal(glob.escape(str(path)))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
