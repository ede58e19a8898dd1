"""Parquet: the relation that reads a file, and its types."""

from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from hindcast.errors import InputError
from hindcast.formats.literals import pattern


def describe(
    path: Path, name: str, connection: duckdb.DuckDBPyConnection
) -> tuple[str, dict[str, str]]:
    """The SQL relation of a Parquet file's rows, and its columns' types as DuckDB reads them.

    Raises InputError for what is no Parquet file.
    """
    try:
        pq.read_schema(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: not a Parquet file: {error}") from error
    relation = f"read_parquet({pattern(path)})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return relation, {row[0]: row[1] for row in described}


def is_nested(kind: str) -> bool:
    """Whether a type of DuckDB's holds other values: a list, struct or map."""
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))
