"""What JSON says for values that it has no word for."""

import json
import math
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from hindcast.serving import answers

EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 1, 1, 1, tzinfo=EAST), "2023-12-31T23:00:00+00:00"),
        (math.nan, None),
        (-math.inf, None),
        ([0.5, math.nan], [0.5, None]),
        (2**53 + 1, 2**53 + 1),
        (0.1, 0.1),
        (True, True),
    ],
    ids=["date", "instant", "nan", "infinity", "array", "integer", "double", "boolean"],
)
def test_a_feature_in_json(value: Any, said: Any) -> None:
    assert json.loads(answers.ok(answers.features({"x": value})).body or "") == {"x": said}


def test_no_answer_leaves_with_a_number_that_json_does_not_have() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        answers.ok({"probability": math.nan})
