"""What a model can take: finite 32-bit floats, and whole numbers that a double tells apart."""

import math

import numpy as np
import pytest

from hindcast.serving.values import FLOAT32_MAX, INTEGER_MAX, Value, fault


@pytest.mark.parametrize(
    "value",
    [None, "text", True, 0, -0.0, INTEGER_MAX, -INTEGER_MAX, FLOAT32_MAX, -FLOAT32_MAX, 5e-324],
)
def test_what_a_model_takes(value: Value) -> None:
    assert fault(value) is None


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (math.nan, "is nan, which is not a finite number"),
        (-math.inf, "is -inf, which is not a finite number"),
        (1e39, "is 1e+39, beyond the range of 32-bit floats"),
        (math.nextafter(FLOAT32_MAX, math.inf), "is 3.4028234663852"),
        (-INTEGER_MAX - 1, "is -9007199254740993, beyond 2^53"),
    ],
)
def test_what_it_does_not_take_is_said_with_the_value(value: Value, why: str) -> None:
    assert (fault(value) or "").startswith(why)


def test_the_limits_are_those_of_the_types() -> None:
    assert np.float32(FLOAT32_MAX) == np.finfo(np.float32).max == FLOAT32_MAX
    assert float(INTEGER_MAX - 1) != float(INTEGER_MAX) == float(INTEGER_MAX + 1)
