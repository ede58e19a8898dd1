"""Tables written to files: CSV, JSON lines or Parquet, by the ending; whole or not at all."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from hindcast.errors import InputError, first_line

ROW_GROUP = 122_880
OUT_ENDINGS = (".csv", ".jsonl", ".parquet")


def check_out(path: Path) -> None:
    """Raise InputError unless a table can be written there, before any work is done for it."""
    if not path.name.endswith(OUT_ENDINGS):
        raise InputError(f"{path}: end the file's name in {', '.join(OUT_ENDINGS)}")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.absolute().parent}; make it")


def write(table: pa.Table, path: Path) -> int:
    """Write a table by the file's ending, as write_batches does; returns the rows."""
    # A batch becomes a group of rows of Parquet, and small groups are slow to read.
    return write_batches(table.combine_chunks().to_reader(ROW_GROUP), path)


def write_batches(rows: pa.RecordBatchReader, path: Path) -> int:
    """Write rows by the file's ending, a batch in memory at a time; returns how many.

    The file appears when it is whole. Raises InputError where check_out does, for columns that CSV
    cannot hold, and what the reader raises.
    """
    check_out(path)
    part, count = path.with_name(f".{path.name}.part"), 0
    try:
        with _WRITERS[path.suffix](part, rows.schema) as writer:
            for batch in rows:
                writer.write_batch(batch)
                count += batch.num_rows
        part.replace(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be written: {first_line(error)}") from error
    finally:
        part.unlink(missing_ok=True)
    return count


class _Writer(Protocol):
    def write_batch(self, batch: pa.RecordBatch) -> None: ...


@contextmanager
def _parquet(path: Path, schema: pa.Schema) -> Iterator[_Writer]:
    with pq.ParquetWriter(path, schema) as writer:
        yield writer


class _FlatCsv:
    """CSV with the arrays as text, as ingest reads them."""

    def __init__(self, writer: pyarrow.csv.CSVWriter, schema: pa.Schema) -> None:
        self._writer, self._schema = writer, schema

    def write_batch(self, batch: pa.RecordBatch) -> None:
        columns = [
            pa.array([_text(each) for each in column.to_pylist()], field.type)
            if pa.types.is_list(column.type)
            else column
            for field, column in zip(self._schema, batch.columns, strict=True)
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))


@contextmanager
def _csv(path: Path, schema: pa.Schema) -> Iterator[_Writer]:
    flat = pa.schema(
        [
            pa.field(each.name, pa.string()) if pa.types.is_list(each.type) else each
            for each in schema
        ]
    )
    with pyarrow.csv.CSVWriter(path, flat) as writer:
        yield _FlatCsv(writer, flat)


class _Lines:
    """An object for each row; dates, instants and decimals are text, no finite number is null."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write_batch(self, batch: pa.RecordBatch) -> None:
        for row in batch.to_pylist():
            finite = {name: _finite(value) for name, value in row.items()}
            self._stream.write(json.dumps(finite, default=_json) + "\n")


@contextmanager
def _json_lines(path: Path, schema: pa.Schema) -> Iterator[_Writer]:
    with path.open("w", encoding="utf-8") as stream:
        yield _Lines(stream)


_WRITERS = {".csv": _csv, ".jsonl": _json_lines, ".parquet": _parquet}


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinities."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _json(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
