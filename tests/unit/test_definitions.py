"""What a user declares: frozen, plain, and refused early with the fix."""

from dataclasses import FrozenInstanceError
from datetime import timedelta
from typing import Any

import pytest

from hindcast import datatypes
from hindcast.definitions import Entity, Feature, FeatureView, Source, Window, days, latest, prior
from hindcast.errors import DefinitionError

LOANS = Source(
    "loans",
    entity=Entity("customer", key="id"),
    event_timestamp="loan_date",
    tiebreaker="loan_id",
    schema={"id": "bigint", "loan_id": "bigint", "loan_date": "date", "amount": "decimal(18,2)"},
)
VIEW = FeatureView(
    "history",
    LOANS,
    [Feature("loans", "count(*)", over=prior()), Feature("amount", "amount", over=latest())],
)


def test_windows_say_which_events_a_feature_sees() -> None:
    assert prior() == Window("prior")
    assert prior(days=90) == Window("prior", 90)
    assert latest() == Window("latest")


@pytest.mark.parametrize("count", [0, -1, 1.5])
def test_a_window_without_length_is_refused(count: Any) -> None:
    with pytest.raises(DefinitionError) as raised:
        prior(days=count)
    assert str(raised.value) == f"prior(days={count}): days must be a positive whole number"


def test_days_are_a_length_of_time() -> None:
    assert days(60) == timedelta(days=60)


def test_a_source_knows_its_columns_types() -> None:
    assert dict(LOANS.types) == {
        "id": datatypes.BIGINT,
        "loan_id": datatypes.BIGINT,
        "loan_date": datatypes.DATE,
        "amount": datatypes.DataType("decimal", 18, 2),
    }


def test_an_unknown_type_is_refused_with_its_source_and_column() -> None:
    source = Source("loans", Entity("customer", "id"), "at", "id", schema={"id": "int"})
    with pytest.raises(DefinitionError, match="source 'loans', column 'id': unknown type 'int'"):
        _ = source.types


def test_a_row_needs_its_key_its_time_and_its_tiebreaker() -> None:
    assert LOANS.required == ("id", "loan_date", "loan_id")


def test_a_source_that_says_when_rows_were_recorded_needs_that_too() -> None:
    source = Source("loans", Entity("customer", "id"), "at", "nr", {}, recorded_at="seen")
    assert source.required == ("id", "at", "nr", "seen")


def test_an_ellipsis_selects_every_feature() -> None:
    assert VIEW[...].names == ("loans", "amount")


def test_a_selection_keeps_the_models_order() -> None:
    selection = VIEW[["amount", "loans"]]
    assert selection.names == ("amount", "loans")
    assert selection.view is VIEW


def test_selecting_a_feature_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(DefinitionError) as raised:
        VIEW[["amount", "amuont"]]
    assert str(raised.value) == (
        "feature view 'history' has no feature 'amuont'; it has loans, amount"
    )


def test_a_feature_is_selected_once_and_in_a_list() -> None:
    with pytest.raises(DefinitionError, match="'amount' is selected twice"):
        VIEW[["amount", "loans", "amount"]]
    with pytest.raises(DefinitionError, match="a list"):
        VIEW["amount"]


def test_definitions_cannot_be_changed_once_declared() -> None:
    with pytest.raises(FrozenInstanceError):
        VIEW.name = "other"  # type: ignore[misc]
