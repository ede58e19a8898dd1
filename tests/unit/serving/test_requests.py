"""Bodies and feature values are checked before anything else happens."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hindcast.serving import plan, requests
from hindcast.serving.plan import ServingPlan
from hindcast.serving.requests import RequestError
from tests.unit.serving import sample_release


def a_plan(**changes: Any) -> ServingPlan:
    return plan.parse(json.dumps(sample_release.plan(**changes)).encode())


NUMBERS = a_plan()


@given(st.binary(max_size=200))
def test_no_body_does_more_than_be_refused(content: bytes) -> None:
    with suppress(RequestError):
        requests.body(base64.b64encode(content).decode(), True, ["id"])


def test_a_body_is_bounded_in_bytes_not_characters() -> None:
    text = json.dumps({"id": "é" * (requests.MAX_BODY_BYTES // 2)}, ensure_ascii=False)
    with pytest.raises(RequestError) as caught:
        requests.body(text, False, ["id"])
    assert caught.value.status == 413


def test_bad_base64_is_malformed() -> None:
    with pytest.raises(RequestError) as caught:
        requests.body("!!", True, ["id"])
    assert (caught.value.status, caught.value.field) == (400, "body")


def test_feature_values_come_in_the_plans_order() -> None:
    values = {"age": 41, "flag_own_car": None, "income": 1, "nb_previous_loans": 3}
    row = requests.feature_row(values, NUMBERS, "features")
    assert list(row.items()) == [
        ("nb_previous_loans", 3),
        ("income", 1.0),
        ("flag_own_car", None),
        ("age", 41),
    ]
