"""A source knows its columns, their types, and which of them no row may lack."""

from dataclasses import replace
from typing import Any

import pytest

from hindcast import datatypes
from hindcast.definitions import Entity, Source
from hindcast.errors import DefinitionError

LOANS = Source(
    "loans",
    entity=Entity("customer", key="id"),
    event_timestamp="loan_date",
    tiebreaker="loan_id",
    schema={"id": "bigint", "loan_id": "bigint", "loan_date": "date", "amount": "decimal(18,2)"},
)


def test_a_source_knows_its_columns_types() -> None:
    assert dict(LOANS.types) == {
        "id": datatypes.BIGINT,
        "loan_id": datatypes.BIGINT,
        "loan_date": datatypes.DATE,
        "amount": datatypes.DataType("decimal", 18, 2),
    }


def test_a_row_needs_its_key_its_time_and_its_tiebreaker() -> None:
    assert LOANS.required == ("id", "loan_date", "loan_id")


def test_a_source_that_says_when_rows_were_recorded_needs_that_too() -> None:
    source = replace(LOANS, schema={**LOANS.schema, "seen": "timestamp"}, recorded_at="seen")
    assert source.required == ("id", "loan_date", "loan_id", "seen")


@pytest.mark.parametrize("kind", ["double", "decimal(9,0)", "timestamp", "boolean"])
def test_a_key_that_the_online_store_cannot_find_is_refused(kind: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        replace(LOANS, schema={**LOANS.schema, "id": kind})
    assert str(raised.value) == (
        f"source 'loans': key 'id' is {kind}; use bigint or string or date"
    )


def test_a_key_may_be_of_several_columns_and_the_source_may_name_them_otherwise() -> None:
    branch = Entity("branch", key=["country", "number"])
    schema = {**LOANS.schema, "land": "string", "branch_no": "bigint"}
    entities = {LOANS.first: "id", branch: ["land", "branch_no"]}
    source = replace(LOANS, entity=None, entities=entities, schema=schema)
    assert source.key_columns(branch) == ("land", "branch_no")
    assert source.keys == ("id", "land", "branch_no")
    assert source.identity == ("id", "loan_date", "loan_id")
    assert "land" not in source.required


@pytest.mark.parametrize(
    ("entities", "reason"),
    [
        ([], "it has no entity; declare entity=, or entities=[...]"),
        (["customer"], "entities has 'customer', not an Entity"),
        (
            {Entity("branch", ["country", "number"]): "id"},
            "entity 'branch' has the key columns country, number; name 2 columns for it, not 1",
        ),
        (
            [Entity("a", "id"), Entity("A", "id")],
            "entities 'a' and 'A' have the same name; rename one",
        ),
    ],
)
def test_entities_that_a_source_cannot_have_are_refused(entities: Any, reason: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        replace(LOANS, entity=None, entities=entities)
    assert str(raised.value) == f"source 'loans': {reason}"


def test_a_source_without_a_tiebreaker_tells_events_apart_by_a_digest() -> None:
    source = Source("s", Entity("e", "id"), "at", schema={"id": "bigint", "at": "timestamp"})
    assert not source.has_tiebreaker
    assert str(source.tie_type) == "string"
    assert source.required == ("id", "at")
