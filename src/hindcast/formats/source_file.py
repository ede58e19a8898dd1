"""A file as a relation of DuckDB's: its columns, its rows, what of it is no row."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import duckdb
import numpy as np
from numpy.typing import NDArray

from hindcast.definitions import Source
from hindcast.errors import InputError
from hindcast.formats import csv, parquet
from hindcast.formats.objects import CSV_ENDINGS, ending
from hindcast.formats.packed import unpacked
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
def opened(path: Path, name: str, connection: duckdb.DuckDBPyConnection) -> Iterator[SourceFile]:
    """A file, looked at and unpacked; raises InputError for what cannot be read to its end."""
    kind = ending(name)
    with tempfile.TemporaryDirectory(prefix="hindcast-file-") as folder:
        if kind in CSV_ENDINGS:
            yield csv.opened(unpacked(path, name, Path(folder)), name, Path(folder))
        else:
            yield parquet.ParquetFile(path, name, connection)


def check_columns(file: SourceFile, source: Source) -> None:
    """Raise InputError naming a column of the source that is missing or holds nested values."""
    for column in source.types:
        if column not in file.types:
            raise InputError(
                f"{file.name}: column '{column}' of source '{source.name}' is missing; "
                f"the file has {', '.join(file.types)}"
            )
        if parquet.is_nested(file.types[column]):
            raise InputError(
                f"{file.name}: column '{column}' is {file.types[column]}; write plain values"
            )
