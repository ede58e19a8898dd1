"""A model says what it reads, what it learns, and when an outcome can be trusted."""

from datetime import timedelta
from typing import Any

import pytest

from hindcast.definitions import (
    Entity,
    Feature,
    FeatureView,
    Gate,
    Model,
    Source,
    days,
    prior,
)
from hindcast.errors import DefinitionError

KINDS = {"bigint": "paid", "boolean": "late", "double": "share", "string": "outcome"}


def build(seed: int) -> Any:
    """Nothing to fit: definitions only name it."""


def model(label: str = "paid", **changed: Any) -> Model:
    """A model of how many orders came before, over a source that declares the label."""
    schema = {"id": "bigint", "at": "date", "nr": "bigint", **{v: k for k, v in KINDS.items()}}
    orders = Source("orders", Entity("shop", "id"), "at", "nr", schema=schema, label=label)
    view = FeatureView("history", orders, [Feature("orders", "count(*)", over=prior())])
    usual = {"label": f"orders.{label}", "label_matures": days(60), "estimator": build}
    return Model("paying", **{"features": view[...], **usual, **changed})


def refusal(**changed: Any) -> str:
    with pytest.raises(DefinitionError) as raised:
        model(**changed)
    return str(raised.value)


def test_days_are_a_length_of_time() -> None:
    assert days(60) == timedelta(days=60)


@pytest.mark.parametrize("kind", ["bigint", "boolean"])
def test_a_label_is_nought_or_one(kind: str) -> None:
    assert model(KINDS[kind]).label == f"orders.{KINDS[kind]}"


@pytest.mark.parametrize("kind", ["double", "string"])
def test_a_label_that_can_be_anything_else_is_refused(kind: str) -> None:
    assert refusal(label=KINDS[kind]) == (
        f"model 'paying': label 'orders.{KINDS[kind]}' is {kind}; a model classifies 0 and 1, "
        "which are bigint or boolean"
    )


def test_a_label_matures_after_a_length_of_time() -> None:
    assert refusal(label_matures=60) == (
        "model 'paying': label_matures is 60, not a length of time such as days(60)"
    )


def test_an_estimator_is_a_function_of_the_seed() -> None:
    from sklearn.linear_model import LogisticRegression

    assert refusal(estimator=LogisticRegression()) == (
        "model 'paying': estimator is LogisticRegression(), not a function of the seed that "
        "returns an unfitted classifier"
    )


def test_a_gate_knows_which_metrics_rise() -> None:
    with pytest.raises(DefinitionError) as raised:
        Gate(minimum={"brier": 0.2})
    assert str(raised.value) == (
        "gate: a metric of minimum is 'brier'; use one of roc_auc, pr_auc, ks"
    )
