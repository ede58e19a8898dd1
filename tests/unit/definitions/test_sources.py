"""A source knows its columns, their types, and which of them no row may lack."""

from dataclasses import replace

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


@pytest.mark.parametrize("kind", ["date", "double", "decimal(9,0)", "timestamp", "boolean"])
def test_a_key_that_the_online_store_cannot_find_is_refused(kind: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        replace(LOANS, schema={**LOANS.schema, "id": kind})
    assert str(raised.value) == f"source 'loans': key 'id' is {kind}; use bigint or string"


def test_composite_keys_are_refused_in_one_line() -> None:
    with pytest.raises(DefinitionError) as raised:
        Entity("branch", key=["country", "number"])  # type: ignore[arg-type]
    assert str(raised.value) == (
        "entity 'branch': key is ['country', 'number'], not the name of one column "
        "(composite keys are not supported)"
    )
