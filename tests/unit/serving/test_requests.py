"""Ids and bodies are checked before anything else happens."""

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


NUMBERS, TEXTS = a_plan(), a_plan(keys=sample_release.key("string"))


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_64_bit_integer_is_an_id_as_number_and_as_text(key: int) -> None:
    assert requests.entity_key(key, NUMBERS) == key
    assert requests.entity_key(str(key), NUMBERS) == key


@given(st.one_of(st.integers(min_value=2**63), st.integers(max_value=-(2**63) - 1)))
def test_no_other_integer_is(key: int) -> None:
    for raw in (key, str(key)):
        with pytest.raises(RequestError) as caught:
            requests.entity_key(raw, NUMBERS)
        assert caught.value.status == 422


@pytest.mark.parametrize("raw", [True, None, 1.0, "", " 1", "+1", "1_0", "\u0661", "1\n", [1], {}])
def test_what_only_looks_like_an_integer_is_no_id(raw: object) -> None:
    with pytest.raises(RequestError):
        requests.entity_key(raw, NUMBERS)


@pytest.mark.parametrize("raw", [True, None, 1, "", "a\0b", "\ud800"])
def test_a_text_id_is_a_string_that_postgres_can_hold(raw: object) -> None:
    assert requests.entity_key("ann", TEXTS) == "ann"
    with pytest.raises(RequestError):
        requests.entity_key(raw, TEXTS)


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
