"""Whether a row of the online table fits a page of Postgres, whatever its values."""

from collections.abc import Mapping

from hindcast.datatypes import DataType
from hindcast.errors import DefinitionError

# Of a page of 8192 bytes, what one row may take; of 1600 columns, two say when it was made.
MOST_BYTES = 8160
MOST_COLUMNS = 1598
_HEADER_BYTES = 23
# Postgres moves a longer value out of the row, and leaves a shorter one in it.
_LONGEST_INSIDE = 24
_FIXED_BYTES = {"bigint": 8, "double": 8, "timestamp": 8, "date": 4, "boolean": 1}


def check(view: str, columns: Mapping[str, DataType]) -> None:
    """Raise DefinitionError where a row of a view could be larger than the online store holds."""
    size = most_bytes(columns)
    if size > MOST_BYTES or len(columns) > MOST_COLUMNS:
        raise DefinitionError(
            f"feature view '{view}': its online row has {len(columns)} columns and up to "
            f"{size} bytes; Postgres holds {MOST_COLUMNS} columns and {MOST_BYTES} bytes; split "
            "its features over several views"
        )


def most_bytes(columns: Mapping[str, DataType]) -> int:
    """The bytes of a row of these columns, in their order, with the largest values."""
    used = _aligned(_HEADER_BYTES + _groups(len(columns), 8), 8)
    for datatype in columns.values():
        size = _FIXED_BYTES.get(datatype.kind)
        used = used + _varying(datatype) if size is None else _aligned(used, size) + size
    return used


def _varying(datatype: DataType) -> int:
    """Text, arrays and decimals, which are stored without alignment."""
    if datatype.kind != "decimal":
        return _LONGEST_INSIDE
    whole = datatype.precision - datatype.scale
    # Two bytes hold four digits; three say how many there are and where the point is.
    return min(_LONGEST_INSIDE, 3 + 2 * (_groups(whole, 4) + _groups(datatype.scale, 4)))


def _groups(count: int, size: int) -> int:
    return -(-count // size)


def _aligned(offset: int, size: int) -> int:
    return _groups(offset, size) * size
