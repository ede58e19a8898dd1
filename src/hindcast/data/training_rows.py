"""A training set: rows with features and label, and what is needed to say where they came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hindcast import names
from hindcast.compiler.features import CompiledFeature
from hindcast.compiler.labelled import Labelled
from hindcast.compiler.query import Knowledge
from hindcast.compiler.service import CompiledService
from hindcast.data.differences import shares
from hindcast.datatypes import STRING
from hindcast.definitions import ColdStart, Entity
from hindcast.errors import TrainingError
from hindcast.serving.values import FLOAT32_MAX, INTEGER_MAX, fault


@dataclass(frozen=True)
class TrainingSet:
    """Keys, event_timestamp, tiebreaker, features, label; ordered by the first three.

    Beside the features that the model reads, the table has the others of their views that are no
    arrays. Of an array that it reads there is a column for each number.
    service: the features that the model reads. inputs: lake table -> its version.
    knowledge: its per_row says whether each row knows what its own instant knew.
    left_out: reason -> how many labelled events are no rows because of it.
    is_revised: feature -> which rows have another value by what is known now.
    is_outdated: feature -> which rows had another value at the last refresh than at their instant.
    """

    table: pa.Table
    service: CompiledService
    labelled: Labelled
    inputs: Mapping[str, Mapping[str, Any]]
    knowledge: Knowledge
    cold_start: ColdStart
    left_out: Mapping[str, int]
    is_revised: Mapping[str, NDArray[np.bool_]]
    is_outdated: Mapping[str, NDArray[np.bool_]]

    @property
    def features(self) -> tuple[CompiledFeature, ...]:
        """Those the model reads, in its order."""
        return self.service.features

    @property
    def numeric(self) -> tuple[str, ...]:
        """Columns a model reads as numbers."""
        return by_input(self.features)[0]

    @property
    def categorical(self) -> tuple[str, ...]:
        """Columns a model reads as text."""
        return by_input(self.features)[1]

    @property
    def places(self) -> dict[str, list[int]]:
        """Feature -> the columns of the matrix that it is read as, in their order."""
        order = {name: place for place, name in enumerate((*self.numeric, *self.categorical))}
        found = {f.name: [order[column] for column in f.columns] for f in self.features}
        return dict(sorted(found.items(), key=lambda item: item[1]))

    @property
    def revised(self) -> dict[str, float]:
        """Feature -> the share of rows whose value is another by what is known now."""
        return shares(self.is_revised)

    @property
    def outdated(self) -> dict[str, float]:
        """Feature -> the share of rows whose value at the last refresh is not the exact one."""
        return shares(self.is_outdated)

    def only(self, rows: NDArray[np.bool_], reason: str) -> "TrainingSet":
        """Some of the rows; how many others there were is counted as left out for the reason."""
        return replace(
            self,
            table=self.table.filter(pa.array(rows)),
            left_out={**self.left_out, reason: int((~rows).sum())},
            is_revised={name: each[rows] for name, each in self.is_revised.items()},
            is_outdated={name: each[rows] for name, each in self.is_outdated.items()},
        )

    def groups(self, entity: Entity | None = None) -> NDArray[Any]:
        """The key of an entity, by default the first, in each row; several columns as one text."""
        keys = (entity or self.labelled.events.first).keys
        if len(keys) == 1:
            return np.asarray(self.table[keys[0]].to_numpy(zero_copy_only=False))
        texts = [pc.cast(self.table[key], pa.string()) for key in keys]
        joined = pc.binary_join_element_wise(*texts, "\x1f")
        return np.asarray(joined.to_numpy(zero_copy_only=False))

    def micros(self) -> NDArray[np.int64]:
        """The event timestamp of each row, in microseconds since 1970 UTC."""
        return np.asarray(self.table[names.EVENT_TIMESTAMP].cast(pa.int64()).to_numpy())

    def matrix(self) -> NDArray[Any]:
        """[rows, columns]: numeric ones as float32 (null is NaN), then categorical ones as text.

        float32 without text; an object matrix with it. Raises TrainingError naming a feature
        that is neither, or that has a value which a model cannot take.
        """
        for feature in self.features:
            kind = feature.datatype
            if not kind.is_numeric and not kind.is_array and kind != STRING:
                raise TrainingError(
                    f"feature '{feature.name}' is a {feature.datatype}, which a model cannot read; "
                    "turn it into a number, such as years_between(..., as_of)"
                )
        for name in self.numeric:
            _require_usable(name, self.table[name])
        numbers = [column_numbers(self.table[name]) for name in self.numeric]
        stacked = np.column_stack(numbers) if numbers else np.empty((len(self.table), 0))
        matrix = stacked.astype(np.float32)
        if not self.categorical:
            return matrix
        texts = [column_texts(self.table[name]) for name in self.categorical]
        return np.column_stack([matrix.astype(object), *texts])


def by_input(features: Sequence[CompiledFeature]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the columns that a model reads as numbers, and of those it reads as text."""
    numeric = (f for f in features if f.datatype.is_numeric or f.datatype.is_array)
    text = tuple(f.name for f in features if f.datatype == STRING)
    return tuple(column for feature in numeric for column in feature.columns), text


def _require_usable(name: str, column: pa.ChunkedArray) -> None:
    """Raise TrainingError for a value that serving refuses too, with how many there are."""
    if pa.types.is_boolean(column.type):
        return
    if not pa.types.is_integer(column.type):
        column = column.cast(pa.float64())
    most = INTEGER_MAX if pa.types.is_integer(column.type) else FLOAT32_MAX
    is_within = pc.and_(pc.greater_equal(column, -most), pc.less_equal(column, most))
    refused = column.filter(pc.invert(is_within))
    if len(refused):
        raise TrainingError(
            f"feature '{name}' {fault(refused[0].as_py())}; such values are in {len(refused)} of "
            f"{len(column)} rows; keep them out with a Check on the source"
        )


def column_numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """A numeric or boolean column as floats; null is NaN."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def column_texts(column: pa.ChunkedArray) -> NDArray[Any]:
    """A column as text; null is the empty string, as it is when serving."""
    return np.asarray(pc.fill_null(column.cast(pa.string()), "").to_pylist(), dtype=object)
