"""Files that tables are read from and written to: columns, relations, torn lines, endings."""

import csv
import glob
import gzip
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hindcast.definitions import Source
from hindcast.engines.duckdb import session
from hindcast.errors import InputError, first_line
from hindcast.stores import aws

CSV_ENDINGS = (".csv", ".csv.gz")
IN_ENDINGS = (*CSV_ENDINGS, ".parquet")
OUT_ENDINGS = (".csv", ".parquet")
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
        with _text(self.path) as stream:
            starts, is_blank = _records(stream)
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
        file = _look(path, path.name, connection)
        try:
            table = connection.sql(f"SELECT * FROM {file.relation}").to_arrow_table()
            rejected = file.rejected(connection)
        except duckdb.Error as error:
            raise InputError(f"{path.name}: cannot be read: {first_line(error)}") from error
    if len(rejected.lines):
        starts, _ = file.lines(rejected, np.empty(0, np.int64))
        raise InputError(f"{path.name} line {starts[0]}: {rejected.reasons[0]}; mend the line")
    return Rows(table, path.name, file)


def check_out(path: Path) -> None:
    """Raise InputError unless a table can be written there, before any work is done for it."""
    if not path.name.endswith(OUT_ENDINGS):
        raise InputError(f"--out {path}: end the file's name in .csv or .parquet")
    if not path.absolute().parent.is_dir():
        raise InputError(f"--out {path}: there is no folder {path.absolute().parent}; make it")


def write(table: pa.Table, path: Path) -> int:
    """Write a table as CSV or Parquet, by the file's ending; returns the rows.

    The file appears when it is whole. Raises InputError where check_out does, and for columns
    that CSV cannot hold.
    """
    check_out(path)
    part = path.with_name(f".{path.name}.part")
    try:
        if path.suffix == ".parquet":
            pq.write_table(table, part)
        else:
            pyarrow.csv.write_csv(table, part)
        part.replace(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"--out {path}: cannot be written: {first_line(error)}") from error
    finally:
        part.unlink(missing_ok=True)
    return int(table.num_rows)


def name_of(file: str | Path) -> str:
    """What messages and tables call a file: its name without its folder; an object its address."""
    return str(file) if _is_object(file) else Path(file).name


@contextmanager
def local(file: str | Path, version: str | None = None) -> Iterator[Path]:
    """A file on this machine; an object, s3://bucket/key, is copied for as long as it is open.

    Raises InputError for what is not there or no kind of file that is read, and what
    aws.download raises.
    """
    if not _is_object(file):
        if not Path(file).is_file():
            raise InputError(f"{file}: no such file; name a CSV or Parquet file")
        yield Path(file)
        return
    uri = str(file)
    with tempfile.TemporaryDirectory(prefix="hindcast-object-") as folder:
        path = Path(folder) / f"copy{_ending(uri)}"
        aws.download(uri, path, version)
        yield path


def open_file(
    path: Path, name: str, source: Source, connection: duckdb.DuckDBPyConnection
) -> SourceFile:
    """Look at a file's header only; raises InputError naming a column that is missing."""
    file = _look(path, name, connection)
    nested = [
        column for column, kind in file.types.items() if _is_nested(kind) and column in source.types
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


def _look(path: Path, name: str, connection: duckdb.DuckDBPyConnection) -> SourceFile:
    if _ending(name) in CSV_ENDINGS:
        return _csv(path, name)
    return _parquet(path, name, connection)


def _is_object(file: str | Path) -> bool:
    return str(file).startswith("s3://")


def _ending(name: str) -> str:
    for ending in IN_ENDINGS:
        if name.endswith(ending):
            return ending
    raise InputError(f"{name}: not .csv, .csv.gz or .parquet; rename or convert it")


def _csv(path: Path, name: str) -> SourceFile:
    columns = _header(path, name)
    types = ", ".join(f"{_literal(column)}: 'VARCHAR'" for column in columns)
    relation = (
        f"read_csv({_pattern(path)}, columns={{{types}}}, header=true, auto_detect=false, "
        "delim=',', quote='\"', escape='\"', store_rejects=true, rejects_limit=0)"
    )
    return SourceFile(path, dict.fromkeys(columns, "VARCHAR"), relation, name)


def _parquet(path: Path, name: str, connection: duckdb.DuckDBPyConnection) -> SourceFile:
    try:
        pq.read_schema(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: not a Parquet file: {error}") from error
    relation = f"read_parquet({_pattern(path)})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    types = {row[0]: row[1] for row in described}
    return SourceFile(path, types, relation, name)


def _header(path: Path, name: str) -> list[str]:
    try:
        with _text(path) as stream:
            columns = next(csv.reader(stream), [])
    except (OSError, csv.Error) as error:
        raise InputError(f"{name}: the header cannot be read: {error}") from error
    if not columns:
        raise InputError(f"{name}: the file is empty; its first line must name the columns")
    if "" in columns:
        raise InputError(
            f"{name}: column {columns.index('') + 1} of the header has no name; name it, or "
            "remove the comma too many"
        )
    plain = [column.lower() for column in columns]
    twice = [one for one, lower in zip(columns, plain, strict=True) if plain.count(lower) > 1]
    if twice:
        raise InputError(f"{name}: column '{twice[-1]}' is in the header twice; rename one")
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
