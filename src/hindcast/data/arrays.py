"""Arrays of doubles, as numbers and as the columns that a model reads them as."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hindcast.compiler.features import CompiledFeature


def numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """[rows, size] of a column of arrays of one length, not all of them null; NaN where it is."""
    known = column.combine_chunks().drop_null()
    held = np.asarray(pc.list_flatten(known).to_numpy(), np.float64)
    size = len(held) // len(known)
    found = np.full((len(column), size), np.nan)
    found[np.asarray(pc.is_valid(column))] = held.reshape(-1, size)
    return found


def spread(rows: pa.Table, features: Iterable[CompiledFeature]) -> pa.Table:
    """The rows with a column for each number of an array, in its place; null where it is null."""
    kinds = {feature.name: feature for feature in features if feature.datatype.is_array}
    columns: dict[str, pa.Array | pa.ChunkedArray] = {}
    for name in rows.column_names:
        if name in kinds:
            columns |= _columns(kinds[name], rows[name])
        else:
            columns[name] = rows[name]
    return pa.table(columns)


def _columns(feature: CompiledFeature, column: pa.ChunkedArray) -> dict[str, pa.Array]:
    is_null = np.asarray(pc.is_null(column))
    if is_null.all():
        return {name: pa.nulls(len(column), pa.float64()) for name in feature.columns}
    held = numbers(column)
    return {
        name: pa.array(held[:, place], pa.float64(), mask=is_null)
        for place, name in enumerate(feature.columns)
    }
