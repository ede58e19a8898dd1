"""How many rows of a feature differ between two tables of the same rows."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

# Doubles that were added in another order may differ by less.
RELATIVE = 1e-9


def different_shares(before: pa.Table, after: pa.Table, columns: Sequence[str]) -> dict[str, float]:
    """Column -> the share of rows whose values differ; 0 of no rows."""
    rows = max(1, before.num_rows)
    return {
        name: (pc.sum(_differ(before[name], after[name])).as_py() or 0) / rows for name in columns
    }


def _differ(before: pa.ChunkedArray, after: pa.ChunkedArray) -> pa.ChunkedArray:
    """Per row, whether values differ; null differs from every value."""
    after = after.cast(before.type)
    if types.is_floating(before.type):
        largest = pc.max_element_wise(pc.abs(before), pc.abs(after))
        unequal = pc.greater(pc.abs(pc.subtract(before, after)), pc.multiply(largest, RELATIVE))
    else:
        unequal = pc.not_equal(before, after)
    one_is_null = pc.xor(pc.is_null(before), pc.is_null(after))
    return pc.or_(pc.fill_null(unequal, False), one_is_null)
