"""Parquet files: their rows with the types that they have there."""

from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hindcast.errors import InputError
from hindcast.formats.literals import pattern
from hindcast.formats.torn import Torn, check_count, check_distinct


class ParquetFile:
    """A Parquet file; it has no lines, so that its rows are counted from 1."""

    unit = "row"

    def __init__(self, path: Path, name: str, connection: duckdb.DuckDBPyConnection) -> None:
        """Raises InputError for what is no Parquet file, and for two columns of one name."""
        self.path, self.name = path, name
        try:
            footer = pq.read_metadata(path)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{name}: not a Parquet file: {error}; convert it, or copy it again"
            ) from error
        check_distinct(footer.schema.to_arrow_schema().names, name, "the file")
        self._count = footer.num_rows
        described = connection.execute(
            f"DESCRIBE SELECT * FROM {self.relation(connection)}"
        ).fetchall()
        self.types: Mapping[str, str] = {row[0]: row[1] for row in described}

    def relation(self, connection: duckdb.DuckDBPyConnection) -> str:
        """The SQL relation of its rows."""
        return f"read_parquet({pattern(self.path)})"

    def torn(self, connection: duckdb.DuckDBPyConnection, rows: int) -> list[Torn]:
        """Nothing, once so many rows are read; raises what check_count raises."""
        check_count(self.name, rows, self._count)
        return []

    def lines(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The numbers of rows by their positions."""
        return positions + 1


def is_nested(kind: str) -> bool:
    """Whether a type of DuckDB's holds other values: a list, struct or map."""
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))
