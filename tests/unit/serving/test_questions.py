"""Keys and request values are read by their names, and whatever is wrong names its field."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hindcast.serving import plan, questions
from hindcast.serving.plan import ServingPlan
from hindcast.serving.requests import Question, RequestError
from tests.unit.serving import sample_release


def a_plan(keys: dict[str, str], request: dict[str, str] | None = None) -> ServingPlan:
    """A plan with keys that are required, and request values that may be null."""
    document = sample_release.plan(
        keys=[{"name": name, "type": kind, "required": True} for name, kind in keys.items()],
        request=[
            {"name": name, "type": kind, "required": False}
            for name, kind in (request or {}).items()
        ],
    )
    return plan.parse(json.dumps(document).encode())


NUMBERS, TEXTS = a_plan({"id": "bigint"}), a_plan({"id": "string"})
ROUTE = a_plan({"carrier": "string", "day": "date"}, {"distance": "bigint", "price": "double"})
RIGHT = {"carrier": "UA", "day": "2013-01-02", "distance": 733, "price": 99.5}


def refused(document: dict[str, Any], asked: ServingPlan) -> tuple[int, str]:
    with pytest.raises(RequestError) as caught:
        questions.read(document, asked)
    return caught.value.status, caught.value.field


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_64_bit_integer_is_a_key_as_number_and_as_text(key: int) -> None:
    assert questions.read({"id": key}, NUMBERS) == Question((key,))
    assert questions.read({"id": str(key)}, NUMBERS) == Question((key,))


@given(st.one_of(st.integers(min_value=2**63), st.integers(max_value=-(2**63) - 1)))
def test_no_other_integer_is(key: int) -> None:
    for raw in (key, str(key)):
        assert refused({"id": raw}, NUMBERS) == (422, "id")


@pytest.mark.parametrize("raw", [True, None, 1.0, "", " 1", "+1", "1_0", "\u0661", "1\n", [1], {}])
def test_what_only_looks_like_an_integer_is_no_key(raw: object) -> None:
    assert refused({"id": raw}, NUMBERS) == (422, "id")


@pytest.mark.parametrize("raw", [True, None, 1, "", "a\0b", "\ud800"])
def test_a_text_key_is_a_string_that_postgres_can_hold(raw: object) -> None:
    assert questions.read({"id": "ann"}, TEXTS) == Question(("ann",))
    assert refused({"id": raw}, TEXTS) == (422, "id")


def test_keys_and_request_values_come_in_the_plans_order() -> None:
    shuffled = dict(reversed(RIGHT.items()))
    assert questions.read(shuffled, ROUTE) == Question(("UA", date(2013, 1, 2)), (733, 99.5))


@pytest.mark.parametrize("field", RIGHT)
def test_every_field_must_be_sent_and_of_its_type(field: str) -> None:
    without = {name: value for name, value in RIGHT.items() if name != field}
    assert refused(without, ROUTE) == (422, field)
    assert refused({**RIGHT, field: [1]}, ROUTE) == (422, field)


def test_an_unknown_field_is_named_with_those_that_are_known() -> None:
    with pytest.raises(RequestError, match="origin: is unknown; known are carrier, day, distance"):
        questions.read({**RIGHT, "origin": "SFO"}, ROUTE)


def test_a_request_value_may_be_null_and_a_required_key_may_not() -> None:
    asked = questions.read({**RIGHT, "distance": None, "price": None}, ROUTE)
    assert asked.given == (None, None)
    assert refused({**RIGHT, "day": None}, ROUTE) == (422, "day")


@pytest.mark.parametrize(
    ("kind", "raw", "read"),
    [
        ("bigint", "12", 12),
        ("double", 12, 12.0),
        ("boolean", False, False),
        ("string", "", ""),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("timestamp", "2026-11-28T12:00:00+02:00", datetime(2026, 11, 28, 10, tzinfo=UTC)),
        ("timestamp", "2026-11-28T12:00:00Z", datetime(2026, 11, 28, 12, tzinfo=UTC)),
        ("decimal(6,2)", 12, Decimal("12.00")),
        ("decimal(6,2)", 0.1, Decimal("0.10")),
        ("decimal(6,2)", "9999.994", Decimal("9999.99")),
        ("decimal(6,2)", -2.675, Decimal("-2.68")),
        ("decimal(38,2)", "1234567890123456789012345678901234.56", None),
    ],
)
def test_each_type_is_read(kind: str, raw: object, read: object) -> None:
    asked = questions.read({"id": 1, "x": raw}, a_plan({"id": "bigint"}, {"x": kind}))
    [found] = asked.given
    assert found == (Decimal(str(raw)) if read is None else read)
    assert type(found) is type(Decimal(1) if read is None else read)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("bigint", 1.0),
        ("bigint", 2**63),
        ("double", "1.5"),
        ("double", True),
        ("double", float("nan")),
        ("double", 10**400),
        ("boolean", 1),
        ("string", 1),
        ("string", "\0"),
        ("date", "2023-02-29"),
        ("date", "20240229"),
        ("date", 20240229),
        ("timestamp", "2026-11-28T12:00:00"),
        ("timestamp", "0001-01-01T00:00:00+10:00"),
        ("timestamp", 1732795200),
        ("decimal(6,2)", "9999.995"),
        ("decimal(6,2)", 1e300),
        ("decimal(6,2)", float("inf")),
        ("decimal(6,2)", "1e3"),
        ("decimal(6,2)", True),
    ],
)
def test_what_is_none_of_its_type_is_refused(kind: str, raw: object) -> None:
    asked = a_plan({"id": "bigint"}, {"x": kind})
    assert refused({"id": 1, "x": raw}, asked) == (422, "x")


def test_a_batch_is_of_instances_or_of_ids_of_an_only_key() -> None:
    ids = questions.several({"ids": [1, "x"]}, NUMBERS)
    instances = questions.several({"instances": [{"id": 1}, {"id": "x"}, 3]}, NUMBERS)
    assert ids[0].question == instances[0].question == Question((1,))
    assert [each.named for each in ids] == [each.named for each in instances[:2]]
    assert [each.field for each in ids] == ["ids[0]", "ids[1]"]
    errors = [each.question for each in (*ids, *instances)]
    fields = [error.field for error in errors if isinstance(error, RequestError)]
    assert fields == ["ids[1]", "instances[1].id", "instances[2]"]


@pytest.mark.parametrize(
    ("document", "field"),
    [({}, "ids"), ({"ids": [], "instances": []}, "ids"), ({"instances": 1}, "instances")],
)
def test_what_is_no_batch_is_refused(document: dict[str, Any], field: str) -> None:
    with pytest.raises(RequestError) as caught:
        questions.several(document, NUMBERS)
    assert caught.value.field == field


def test_ids_alone_do_not_ask_what_takes_more() -> None:
    with pytest.raises(RequestError, match=r"instances: is missing; send .* carrier, day, dist"):
        questions.several({"ids": ["UA"]}, ROUTE)


def test_words_of_a_command_are_an_only_key_or_name_what_they_give() -> None:
    named = ["carrier=UA", "day=2013-01-02", "distance=733", "price=99.5"]
    assert questions.of_words(["5"], NUMBERS) == questions.of_words(["id=5"], NUMBERS)
    assert questions.of_words(["a=b"], TEXTS) == Question(("a=b",))
    assert questions.of_words(named, ROUTE) == questions.read(RIGHT, ROUTE)
    with pytest.raises(RequestError, match=r"UA: is not NAME=VALUE; write carrier=\.\.\. day="):
        questions.of_words(["UA", *named[1:]], ROUTE)


@given(st.decimals(-9999, 9999, places=2), st.dates(), st.datetimes(timezones=st.just(UTC)))
def test_what_was_logged_reads_as_what_was_asked(price: Decimal, day: date, at: datetime) -> None:
    asked = a_plan({"name": "string", "day": "date"}, {"price": "decimal(6,2)", "at": "timestamp"})
    question = Question(("a,b", day), (price, at))
    keys = json.dumps(questions.keys_of(question, asked), default=str)
    request = json.dumps(questions.request_of(question, asked), default=str)
    assert questions.of_log(keys, request, asked) == question
