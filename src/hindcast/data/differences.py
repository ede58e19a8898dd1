"""In which rows a feature differs between two tables of the same rows."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import types

from hindcast.data import arrays

# Doubles that were added in another order may differ by less.
RELATIVE = 1e-9


Rows = NDArray[np.bool_]


def differing(before: pa.Table, after: pa.Table, columns: Sequence[str]) -> dict[str, Rows]:
    """Column -> which rows have another value."""
    return {name: np.asarray(_differ(before[name], after[name])) for name in columns}


def shares(found: Mapping[str, Rows]) -> dict[str, float]:
    """Column -> the share of rows that are marked; 0 of no rows."""
    return {name: float(rows.mean()) if len(rows) else 0.0 for name, rows in found.items()}


def _arrays_differ(before: pa.ChunkedArray, after: pa.ChunkedArray) -> pa.ChunkedArray:
    if before.null_count == len(before) or after.null_count == len(after):
        return pc.xor(pc.is_null(before), pc.is_null(after))
    # No number of an array is NaN, but all are where it is null.
    one, other = np.nan_to_num(arrays.numbers(before), nan=np.inf), arrays.numbers(after)
    return pa.chunked_array([(one != np.nan_to_num(other, nan=np.inf)).any(axis=1)])


def _differ(before: pa.ChunkedArray, after: pa.ChunkedArray) -> pa.ChunkedArray:
    """Per row, whether values differ; null differs from every value."""
    after = after.cast(before.type)
    if types.is_list(before.type):
        return _arrays_differ(before, after)
    if types.is_floating(before.type):
        largest = pc.max_element_wise(pc.abs(before), pc.abs(after))
        unequal = pc.greater(pc.abs(pc.subtract(before, after)), pc.multiply(largest, RELATIVE))
    else:
        unequal = pc.not_equal(before, after)
    one_is_null = pc.xor(pc.is_null(before), pc.is_null(after))
    return pc.or_(pc.fill_null(unequal, False), one_is_null)
