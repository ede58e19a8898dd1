"""What a model cannot take stops with one line that names the feature and its value."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hindcast.data.training_rows import TrainingSet
from hindcast.errors import TrainingError
from tests.unit.models.training import samples


def with_values(name: str, values: list[Any], kind: pa.DataType) -> TrainingSet:
    """The samples with a column that begins with these values."""
    data = samples.training_set(customers=1)
    filled = pa.array([*values, *[None] * (len(data.table) - len(values))], kind)
    table = data.table.set_column(data.table.column_names.index(name), name, filled)
    return replace(data, table=table)


@pytest.mark.parametrize(
    ("name", "kind", "good", "bad", "message"),
    [
        ("amount", pa.float64(), [3.4e38, -3.4e38], [1e39], "is 1e+39, beyond the range of 32-bit"),
        ("amount", pa.float64(), [0.0], [float("nan")], "is nan, which is not a finite number"),
        ("amount", pa.float64(), [0.0], [-float("inf"), 1e39], "is -inf, which is not a finite"),
        ("amount", pa.decimal128(38, 2), [10**35], [], ""),
        ("events", pa.int64(), [2**53, -(2**53)], [2**53 + 1, -(2**63)], "beyond 2^53"),
    ],
)
def test_a_value_that_a_model_cannot_take_is_named_with_its_feature_and_counted(
    name: str, kind: pa.DataType, good: list[Any], bad: list[Any], message: str
) -> None:
    assert np.isfinite(with_values(name, good, kind).matrix()[: len(good), :2]).any()
    if bad:
        with pytest.raises(TrainingError) as caught:
            with_values(name, good + bad, kind).matrix()
        assert str(caught.value).startswith(f"feature '{name}' is {bad[0]}")
        assert message in str(caught.value)
        assert f"such values are in {len(bad)} of 10 rows" in str(caught.value)


def test_a_feature_that_no_model_reads_is_named() -> None:
    with pytest.raises(TrainingError, match="feature 'day' is a date"):
        samples.training_set(("events", "day")).matrix()
