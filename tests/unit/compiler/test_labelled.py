"""By what a label of another source is found: names that both have, entities, or a mapping."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hindcast.compiler.features import compile_view
from hindcast.compiler.labelled import Labelled, labelled
from hindcast.compiler.service import compile_service
from hindcast.definitions import Entity, Feature, FeatureView, Label, Model, Source, prior
from hindcast.errors import DefinitionError

On = str | Entity | Sequence[str | Entity] | Mapping[str, str]
customer, shop = Entity("customer", "id"), Entity("shop", ["land", "number"])
sales = Source(
    "sales",
    event_timestamp="at",
    tiebreaker="line",
    entities={customer: "buyer", shop: ("country", "shop_no")},
    schema={
        "buyer": "bigint",
        "country": "string",
        "shop_no": "bigint",
        "at": "timestamp",
        "line": "bigint",
        "taste": "double[2]",
    },
)
returns = Source(
    "returns",
    event_timestamp="told",
    tiebreaker="number",
    entities={customer: "client"},
    schema={
        "client": "bigint",
        "told": "timestamp",
        "number": "bigint",
        "line": "bigint",
        "sent_back": "boolean",
        "taste": "double[2]",
    },
)
bought = FeatureView("bought", sales, [Feature("sales", "count(*)", over=prior())], entity=customer)


def learned(on: On) -> Labelled:
    """What a model learns whose label is found so."""
    given: dict[str, Any] = {"spine": sales, "estimator": lambda seed: None}
    model = Model("back", bought[...], Label("returns.sent_back", on=on), **given)
    return labelled(model, compile_service(model.service, compile_view), {"returns": returns})


@pytest.mark.parametrize(
    ("on", "found"),
    [
        ("line", {"line": "line"}),
        (customer, {"buyer": "client"}),
        ([customer, "line"], {"buyer": "client", "line": "line"}),
        ({"buyer": "client", "shop_no": "number"}, {"buyer": "client", "shop_no": "number"}),
    ],
    ids=["a column of both", "an entity of both", "an entity and a column", "a mapping"],
)
def test_columns_of_the_spine_are_held_against_those_of_the_labels_source(
    on: On, found: Mapping[str, str]
) -> None:
    assert learned(on).found_by == found


@pytest.mark.parametrize(
    ("on", "refusal"),
    [
        ("buyer", "source 'returns' has no column 'buyer'.*; where names differ, write on={column"),
        ({"client": "client"}, "source 'sales' has no column 'client'"),
        (shop, "on has entity 'shop', which source 'returns' does not have; add it to its entit"),
        ({"country": "client"}, "'country' of 'sales' is string, and 'client' of 'returns' is big"),
        ("taste", "is found by 'taste', which is double"),
    ],
    ids=["not there", "not of the spine", "no entity of it", "of two types", "an array"],
)
def test_what_cannot_be_found_is_refused_with_the_fix(on: On, refusal: str) -> None:
    with pytest.raises(DefinitionError, match=rf"label 'returns\.sent_back'.*{refusal}"):
        learned(on)
