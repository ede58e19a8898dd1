"""Whatever use cases hand over becomes JSON that Postgres accepts."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hindcast.stores.ledger import documents


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Point:
    x: int
    at: datetime


NOON = datetime(2021, 9, 17, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (2**70, 2**70),
        (0.1, 0.1),
        (float("nan"), None),
        (float("-inf"), None),
        (NOON, "2021-09-17T12:00:00+00:00"),
        (date(2021, 9, 17), "2021-09-17"),
        (timedelta(days=1, milliseconds=500), 86400.5),
        (Path("/lake/raw"), "/lake/raw"),
        (Decimal("1.10"), "1.10"),
        (Colour.RED, "red"),
        ({3, 1, 2}, [1, 2, 3]),
        ((1, (2, None)), [1, [2, None]]),
        ({1: {"a": NOON}}, {"1": {"a": "2021-09-17T12:00:00+00:00"}}),
        (Point(1, NOON), {"x": 1, "at": "2021-09-17T12:00:00+00:00"}),
        (np.float64(0.5), 0.5),
        (np.int64(5), 5),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        (b"ab", "b'ab'"),
        ("a\0b", "a\\x00b"),
        ("odd \udcff name", "odd \\udcff name"),
    ],
)
def test_a_value_becomes_what_json_has(value: Any, expected: Any) -> None:
    found = documents.json_value(value)
    assert found == expected
    assert json.loads(json.dumps(found, allow_nan=False)) == found


VALUES = st.text(max_size=5) | st.floats() | st.binary(max_size=3) | st.datetimes()


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=3), VALUES | st.lists(VALUES, max_size=3), max_size=3))
def test_every_document_is_json_without_what_postgres_refuses(values: dict[Any, Any]) -> None:
    written = json.dumps(documents.document(values), allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in written
    written.encode()
