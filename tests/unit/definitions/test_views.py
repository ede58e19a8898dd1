"""Features and views: frozen, plain, and selected in the model's order."""

from dataclasses import FrozenInstanceError

import pytest

from hindcast.definitions import Entity, Feature, FeatureView, Source, latest, prior
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


def test_definitions_cannot_be_changed_once_declared() -> None:
    with pytest.raises(FrozenInstanceError):
        VIEW.name = "other"  # type: ignore[misc]
