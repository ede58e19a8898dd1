"""A tag is of all that a line says, by a key that the line names."""

from typing import Any

import pytest

from hindcast.errors import InputError
from hindcast.serving import line_tags
from hindcast.serving.line_tags import LineKeys

OLD, NEW = LineKeys({1: b"a" * 32}), LineKeys({1: b"a" * 32, 2: b"b" * 32})
LINE: dict[str, Any] = {
    "prediction_id": "p",
    "instant": "2021-09-17T00:00:00+00:00",
    "id": 5,
    "release": "m-1",
    "materialization": None,
    "features_as_of": None,
    "features": {"income": 1.5, "name": "ü"},
    "prediction": 1,
    "probability": 0.25,
    "outcome": "scored",
}
CHANGES = {
    "instant": "2021-09-18T00:00:00+00:00",
    "id": 6,
    "request": {"amount": 1},
    "features": {"income": 1.5000000000000002, "name": "ü"},
    "prediction": 0,
    "probability": 0.75,
    "fallback": True,
    "outcome": "predicted",
}


def test_a_line_is_proven_by_the_key_that_tagged_it_also_after_a_rotation() -> None:
    before, after = OLD.tag(LINE), NEW.tag(LINE)
    assert (before[:2], after[:2]) == ("1:", "2:")
    assert NEW.doubt(LINE, before) is NEW.doubt(LINE, after) is OLD.doubt(LINE, before) is None
    assert OLD.doubt(LINE, after) == "unproven: the deployment has no key 2"


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_field_is_found(name: str) -> None:
    forged = OLD.doubt({**LINE, name: CHANGES[name]}, OLD.tag(LINE))
    assert forged == "forged: its tag is of another line, or by another key"


@pytest.mark.parametrize(
    ("tag", "doubt"),
    [
        (None, "unproven: written before tags, or by something else"),
        ("x", "unproven: the deployment has no key x"),
        ("1:", "forged: its tag is of another line, or by another key"),
        ("1:ü", "forged: its tag is of another line, or by another key"),
    ],
    ids=["none", "no tag", "empty", "no digest"],
)
def test_what_is_no_tag_proves_nothing(tag: str | None, doubt: str) -> None:
    assert OLD.doubt(LINE, tag) == doubt


@pytest.mark.parametrize(
    "document",
    [{}, {"one": "a" * 32}, {"1": "short"}],
    ids=["none", "no number", "short"],
)
def test_what_is_no_keys_is_refused_without_quoting_them(document: dict[str, str]) -> None:
    with pytest.raises(InputError) as raised:
        line_tags.parse(document, "secret x")
    assert str(raised.value) == (
        "secret x: it is not keys of prediction lines by number, of 16 bytes each"
    )
    assert "a" * 32 not in repr(line_tags.parse({"1": "a" * 32}, "x"))
