"""A source's raw table by its schema of today: later columns are null in older rows."""

import pyarrow as pa
from deltalake import DeltaTable
from pyarrow import types

from hindcast import names
from hindcast.compiler.dialects import Dialect
from hindcast.datatypes import BIGINT, STRING, TIMESTAMP, DataType
from hindcast.definitions import Source
from hindcast.errors import InputError

_OWN = {
    names.RECORDED_AT: TIMESTAMP,
    names.INGESTED_AT: TIMESTAMP,
    names.FILE: STRING,
    names.ROW: BIGINT,
    names.RETRACTION: STRING,
}
# The digits of the largest bigint.
_BIGINT_DIGITS = 19


def columns(source: Source) -> dict[str, DataType]:
    """Every column of the source's raw table, Hindcast's own ones last."""
    digest = {} if source.has_tiebreaker else {names.EVENT_DIGEST: STRING}
    own = {name: kind for name, kind in (_OWN | digest).items() if name not in source.types}
    return {**source.types, **own}


def selection(raw: DeltaTable, source: Source | None, dialect: Dialect, relation: str) -> str:
    """SELECT of what `relation` holds of a raw table, by the schema that the source has now.

    Without a source, the table as it is. Raises InputError naming a column whose values the type
    declared now might not hold.
    """
    held = pa.schema(raw.schema())
    wanted = columns(source) if source else {}
    selected = [_read(field, wanted.get(field.name), dialect, raw.table_uri) for field in held]
    selected += [
        f"{dialect.cast('NULL', kind)} AS {dialect.quote(name)}"
        for name, kind in wanted.items()
        if name not in held.names
    ]
    return f"SELECT {', '.join(selected)} FROM {relation}"


def _read(field: pa.Field, wanted: DataType | None, dialect: Dialect, where: str) -> str:
    quoted = dialect.quote(field.name)
    if wanted is None or field.type == wanted.arrow():
        return quoted
    if not _holds(wanted, field.type):
        raise InputError(
            f"{where}: column '{field.name}' holds {field.type} and is now declared {wanted}; "
            "keep the type, or add a column of another name"
        )
    return f"{dialect.cast(quoted, wanted)} AS {quoted}"


def _holds(wider: DataType, held: pa.DataType) -> bool:
    """Whether a type holds every value of another; a double holds a bigint to 53 bits."""
    whole_digits = wider.precision - wider.scale
    if types.is_int64(held):
        return wider.kind == "double" or whole_digits >= _BIGINT_DIGITS
    if types.is_decimal(held) and wider.kind == "decimal":
        return bool(wider.scale >= held.scale and whole_digits >= held.precision - held.scale)
    return False
