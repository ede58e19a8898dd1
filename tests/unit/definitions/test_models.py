"""A model says what it reads, what it learns, and when an outcome can be trusted."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from hindcast.definitions import (
    TASKS,
    Entity,
    Feature,
    FeatureView,
    Freshness,
    Gate,
    Model,
    Source,
    Split,
    days,
    hours,
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


@pytest.mark.parametrize(
    ("task", "kinds"),
    [
        ("binary", ["bigint", "boolean"]),
        ("multiclass", ["bigint", "string"]),
        ("regression", ["bigint", "double"]),
    ],
)
def test_each_task_learns_labels_of_its_own_types(task: str, kinds: list[str]) -> None:
    for kind, column in KINDS.items():
        if kind in kinds:
            assert model(column, task=task).rules == TASKS[task]
        else:
            assert f"label 'orders.{column}' is {kind}" in refusal(label=column, task=task)


def test_a_label_of_another_task_names_that_task() -> None:
    assert refusal(label="outcome") == (
        "model 'paying': label 'orders.outcome' is string; a binary model classifies 0 and 1, "
        'which are bigint or boolean; use task="multiclass"'
    )


def test_a_label_matures_after_a_length_of_time() -> None:
    assert refusal(label_matures=60) == (
        "model 'paying': label_matures is 60, not a length of time such as days(60)"
    )


def test_an_estimator_is_a_function_of_the_seed() -> None:
    from sklearn.linear_model import LogisticRegression

    assert refusal(estimator=LogisticRegression()) == (
        "model 'paying': estimator is LogisticRegression(), not a function of the seed that "
        "returns an unfitted estimator"
    )


@pytest.mark.parametrize(
    ("task", "label", "metric"),
    [
        ("binary", "paid", "roc_auc"),
        ("multiclass", "outcome", "log_loss"),
        ("regression", "share", "mae"),
    ],
)
def test_a_gate_compares_by_the_metric_of_the_task(task: str, label: str, metric: str) -> None:
    assert model(label, task=task).compared_by == metric


def test_a_gate_may_name_another_metric_to_compare_by() -> None:
    assert model(gate=Gate(compare="brier")).compared_by == "brier"


def test_a_gate_knows_which_metrics_rise() -> None:
    assert refusal(gate=Gate(minimum={"brier": 0.2})) == (
        "model 'paying', gate: a metric of minimum is 'brier'; use one of roc_auc, pr_auc, ks"
    )


def test_a_split_begins_at_an_instant_in_utc() -> None:
    assert Split().cut is None
    assert Split(start=date(2021, 3, 1)).cut == datetime(2021, 3, 1, tzinfo=UTC)
    with pytest.raises(DefinitionError, match=r"split: start is 2021-03-01 .* without a time zone"):
        Split(start=datetime(2021, 3, 1))  # noqa: DTZ001 - what is refused


@pytest.mark.parametrize(
    ("task", "fallback", "said"),
    [
        ("binary", 2, "fallback is 2, not a whole number from 0 to 1"),
        ("regression", "low", "fallback is 'low', not a number"),
        ("multiclass", True, "fallback is True, not one of the model's labels"),
    ],
)
def test_a_fallback_is_an_answer_of_the_models_task(task: str, fallback: Any, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        Freshness(hours(48), fallback).check("model 'm', freshness", task)
