"""A file as a relation of DuckDB's: its columns, its rows, what of it is no row."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import duckdb
import numpy as np
from numpy.typing import NDArray

from hindcast.compiler import values
from hindcast.compiler.dialects import DUCKDB
from hindcast.datatypes import DataType
from hindcast.definitions import Csv, JsonLines, Source
from hindcast.definitions.formats import Format
from hindcast.errors import UnlikeSourceError
from hindcast.formats import csv, json_lines, parquet
from hindcast.formats.objects import format_of
from hindcast.formats.packed import as_utf8, unpacked
from hindcast.formats.torn import Torn


class SourceFile(Protocol):
    """A file of any columns, whose every record is read once: as a row, or as torn.

    name: what messages and tables call it. unit: what they call a place in it, line or row.
    types: column -> the type that DuckDB reads.
    """

    name: str
    unit: str
    types: Mapping[str, str]

    def relation(self, connection: duckdb.DuckDBPyConnection) -> str:
        """The SQL relation of its rows, in their order."""
        ...

    def torn(self, connection: duckdb.DuckDBPyConnection, rows: int) -> list[Torn]:
        """What is no row, once the relation gave so many; raises HindcastError if not all."""
        ...

    def lines(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The places, from 1, of rows by their positions among the rows; known after torn."""
        ...


@contextmanager
def opened(
    path: Path, name: str, connection: duckdb.DuckDBPyConnection, source: Source | None = None
) -> Iterator[SourceFile]:
    """A file as its source declares it, else as its ending says; looked at and unpacked.

    Raises InputError for what cannot be read to its end.
    """
    form = format_of(name, source)
    with tempfile.TemporaryDirectory(prefix="hindcast-file-") as temporary:
        folder = Path(temporary)
        yield read(unpacked(path, name, folder), name, form, folder, connection, source)


def read(
    path: Path,
    name: str,
    form: Format,
    folder: Path,
    connection: duckdb.DuckDBPyConnection,
    source: Source | None = None,
) -> SourceFile:
    """A plain file of a format, which goes to the folder where it must be read first.

    Raises InputError for what cannot be read to its end.
    """
    if isinstance(form, Csv):
        return csv.opened(as_utf8(path, name, form.encoding, folder), name, folder, form)
    if isinstance(form, JsonLines):
        return _json_lines(path, name, form, folder, source)
    return parquet.ParquetFile(path, name, connection)


def _json_lines(
    path: Path, name: str, form: JsonLines, folder: Path, source: Source | None
) -> SourceFile:
    """The values of a source's columns; without one, all values that are plain."""
    if source is None:
        return json_lines.opened(path, name, folder)
    paths = {column: form.keys(column) for column in source.types}
    arrays = [column for column, kind in source.types.items() if kind.is_array]
    return json_lines.opened(path, name, folder, paths, arrays)


def check_columns(file: SourceFile, source: Source) -> None:
    """Raise UnlikeSourceError naming a column of the source that is missing or not plain."""
    others = {column.lower() for column in file.types}
    for column, kind in source.types.items():
        # An optional column in other letters is a mistake; DuckDB would read it.
        is_absent = column in source.optional and column.lower() not in others
        if column not in file.types and not is_absent:
            raise UnlikeSourceError(
                f"{file.name}: column '{column}' of source '{source.name}' is missing; "
                f"the file has {', '.join(file.types)}; what files may lack is declared optional"
            )
        _check_shape(file, column, kind)


def _check_shape(file: SourceFile, column: str, kind: DataType) -> None:
    """Raise UnlikeSourceError for lists and objects where there should be plain values, or not."""
    found = file.types.get(column, "VARCHAR")
    if kind.is_array and found != "VARCHAR" and not values.is_list(found):
        raise UnlikeSourceError(
            f"{file.name}: column '{column}' is {found}, not a list of numbers; write {kind}"
        )
    if not kind.is_array and parquet.is_nested(found):
        raise UnlikeSourceError(f"{file.name}: column '{column}' is {found}; write plain values")


def completed(
    file: SourceFile, source: Source, connection: duckdb.DuckDBPyConnection
) -> tuple[Mapping[str, str], str]:
    """A file's types and relation, with a null for each optional column that it lacks."""
    relation = file.relation(connection)
    absent = [column for column in source.optional if column not in file.types]
    if not absent:
        return file.types, relation
    nulls = ", ".join(f"CAST(NULL AS VARCHAR) AS {DUCKDB.quote(column)}" for column in absent)
    kept = ", ".join(DUCKDB.quote(column) for column in file.types)
    types = {**file.types, **dict.fromkeys(absent, "VARCHAR")}
    return types, f"(SELECT {kept}, {nulls} FROM {relation})"


def rows(file: SourceFile, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """All columns of a file's rows, in their order; what raises DuckDB's errors when it is read."""
    return connection.sql(f"SELECT * FROM {file.relation(connection)}")
