"""A column declared wider later: a place in the table for each type that it had, read as one."""

import re
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from hindcast import datatypes
from hindcast.errors import InputError

# Beyond it a double lacks some whole numbers.
_EXACT = 2**53


def places(held: pa.Schema, column: str) -> dict[str, pa.DataType]:
    """The table's columns that hold a column's values -> their types, in the order they came."""
    return {
        field.name: field.type
        for field in held
        if field.name in (column, _place(column, field.type))
    }


def columns(held: pa.Schema) -> list[str]:
    """The columns as they were declared, each once."""
    wider = {name for column in held.names for name in [*places(held, column)] if name != column}
    return [name for name in held.names if name not in wider]


def holds(wider: pa.DataType, narrower: pa.DataType) -> bool:
    """Whether a type has every value of another; a double those of a bigint up to 2**53."""
    one, other = datatypes.of_arrow(wider), datatypes.of_arrow(narrower)
    return wider == narrower or (one is not None and other is not None and one.holds(other))


def placed(rows: pa.RecordBatchReader, table: DeltaTable) -> pa.RecordBatchReader:
    """The rows, each column under the name of its place in the table.

    Raises InputError naming a column whose type cannot hold what the table has of it: delta-rs
    would cast the rows to the table's type, and round.
    """
    names = [_place_of(field, table) for field in rows.schema]
    if names == rows.schema.names:
        return rows
    schema = pa.schema(list(zip(names, rows.schema.types, strict=True)))
    return pa.RecordBatchReader.from_batches(schema, (b.rename_columns(names) for b in rows))


def check_rounding(table: DeltaTable, place: str, kind: pa.DataType, wider: pa.DataType) -> None:
    """Raise InputError where a place of whole numbers has some that a double would round."""
    if not (pa.types.is_int64(kind) and pa.types.is_float64(wider)):
        return
    beyond = (pc.field(place) > _EXACT) | (pc.field(place) < -_EXACT)
    count = table.to_pyarrow_dataset().count_rows(filter=beyond)
    if count:
        raise InputError(
            f"{where(table)}: column '{place}' has whole numbers beyond 2**53 in {count:,} "
            "rows, which a double would round; declare it decimal(19,0) or wider"
        )


def where(table: DeltaTable) -> str:
    """A table's folder or address, as the lake names it."""
    return unquote(table.table_uri.removeprefix("file://")).rstrip("/")


def refusal(table: DeltaTable, column: str, held: pa.DataType, declared: pa.DataType) -> InputError:
    """The error of a column declared by a type that cannot hold what the table has of it."""
    return InputError(
        f"{where(table)}: column '{column}' holds {datatypes.words(held)} and is now declared "
        f"{datatypes.words(declared)}; keep the type, add a column of another name, or ingest all "
        "files into a source of another name"
    )


def _place(column: str, kind: pa.DataType) -> str:
    """The table's column for values of a type that a column was widened to."""
    words = re.sub(r"\W+", "_", datatypes.words(kind)).strip("_")
    return f"{column}:{words}"


def _place_of(field: pa.Field, table: DeltaTable) -> str:
    """Where a column's rows go: to the place of its type, a new one where there is none."""
    held = places(pa.schema(table.schema()), field.name)
    for kind in held.values():
        if not holds(field.type, kind):
            raise refusal(table, field.name, kind, field.type)
    known = [name for name, kind in held.items() if kind == field.type]
    if known or not held:
        return known[0] if known else str(field.name)
    for name, kind in held.items():
        check_rounding(table, name, kind, field.type)
    return _place(field.name, field.type)
