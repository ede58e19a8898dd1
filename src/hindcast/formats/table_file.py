"""Tables written to files: CSV or Parquet, by the ending; whole or not at all."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from hindcast.errors import InputError, first_line

OUT_ENDINGS = (".csv", ".parquet")


def check_out(path: Path) -> None:
    """Raise InputError unless a table can be written there, before any work is done for it."""
    if not path.name.endswith(OUT_ENDINGS):
        raise InputError(f"{path}: end the file's name in .csv or .parquet")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.absolute().parent}; make it")


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
            pyarrow.csv.write_csv(_flat(table), part)
        part.replace(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be written: {first_line(error)}") from error
    finally:
        part.unlink(missing_ok=True)
    return int(table.num_rows)


def _flat(table: pa.Table) -> pa.Table:
    """The table with its arrays as text, as ingest reads them from CSV."""
    for place, field in enumerate(table.schema):
        if pa.types.is_list(field.type):
            found = table[field.name].to_pylist()
            texts = [None if each is None else json.dumps(each) for each in found]
            table = table.set_column(place, field.name, pa.array(texts, pa.string()))
    return table
