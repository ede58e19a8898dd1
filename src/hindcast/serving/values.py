"""What a model can take: one rule for training, for stored features and for a caller's values."""

import math

Value = int | float | bool | str | list[float] | None

# A model reads 32-bit floats; what is beyond them would silently become infinite.
FLOAT32_MAX = 3.4028234663852886e38
# Training holds whole numbers as doubles, which tell them apart up to here.
INTEGER_MAX = 2**53


def fault(value: Value) -> str | None:
    """Why a model cannot take a value, with the value; None where it can, as it can a null."""
    if isinstance(value, list):
        return next(filter(None, map(fault, value)), None)
    if isinstance(value, float):
        if -FLOAT32_MAX <= value <= FLOAT32_MAX:
            return None
        if not math.isfinite(value):
            return f"is {value}, which is not a finite number"
        return f"is {value}, beyond the range of 32-bit floats"
    if isinstance(value, int) and not -INTEGER_MAX <= value <= INTEGER_MAX:
        return f"is {value}, beyond 2^53, up to which whole numbers are exact"
    return None
