"""Rows that a whole table's check refuses, found one by one, so that the others go on."""

from collections.abc import Callable, Collection

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hindcast.errors import InputError

Read = Callable[[pa.Table], tuple[pa.Table, dict[int, str]]]


def parted(rows: pa.Table, read: Read) -> tuple[pa.Table, dict[int, str]]:
    """What read gives for the rows it takes, in their order, and the others with the reason.

    read: rows -> a row for each of them, and those that are to be left out by place; raises
    InputError for the first row that it cannot read, which is found by halving.
    """
    try:
        found, left_out = read(rows)
    except InputError as error:
        if rows.num_rows == 1:
            return _nothing(), {0: str(error).removeprefix("row row 1: ")}
        return _halved(rows, read)
    return without(found, left_out), left_out


def without(rows: pa.Table, places: Collection[int]) -> pa.Table:
    """The rows but those at some places; without any the rows themselves, not a copy."""
    return rows.take(pa.array(others(rows.num_rows, places))) if places else rows


def others(count: int, places: Collection[int]) -> NDArray[np.int64]:
    """The places of so many rows but some, in their order."""
    is_kept = np.ones(count, bool)
    is_kept[list(places)] = False
    return np.flatnonzero(is_kept)


def _halved(rows: pa.Table, read: Read) -> tuple[pa.Table, dict[int, str]]:
    middle = rows.num_rows // 2
    first, refused = parted(rows.slice(0, middle), read)
    second, others = parted(rows.slice(middle), read)
    refused.update({place + middle: reason for place, reason in others.items()})
    tables = [table for table in (first, second) if table.num_columns]
    return (pa.concat_tables(tables) if tables else _nothing()), refused


def _nothing() -> pa.Table:
    return pa.table({})
