"""Turns what use cases hand over into what Postgres accepts as JSON."""

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from enum import Enum
from typing import Any


def document(values: Mapping[Any, Any]) -> dict[str, Any]:
    """A mapping with text keys and JSON's values."""
    return {text(str(key)): json_value(value) for key, value in values.items()}


def json_value(value: Any) -> Any:
    """A value as JSON has it; what has no JSON form becomes its text.

    Instants become ISO text, timedeltas seconds, dataclasses mappings, NaN and infinity null.
    """
    if isinstance(value, Enum):
        return json_value(value.value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return _nested(value)


def text(value: str) -> str:
    """Text without what Postgres cannot hold: NUL, and the half characters of odd file names."""
    return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


def _nested(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: json_value(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return document(value)
    # NumPy's scalars and arrays, without importing NumPy to know them.
    if hasattr(value, "tolist"):
        return json_value(value.tolist())
    if isinstance(value, Set):
        return sorted((json_value(item) for item in value), key=str)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview):
        return [json_value(item) for item in value]
    return text(str(value))
