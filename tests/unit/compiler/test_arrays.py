"""An array is read as it is, and refused in one line wherever a value to reckon with is needed."""

from collections.abc import Callable
from typing import Any

import pytest

from hindcast.compiler.checks import compile_checks
from hindcast.compiler.features import compile_view
from hindcast.compiler.labelled import labelled
from hindcast.compiler.service import CompiledService, compile_service
from hindcast.definitions import (
    Check,
    Derived,
    Entity,
    Feature,
    FeatureService,
    FeatureView,
    Label,
    Model,
    RequestSource,
    Source,
    latest,
    prior,
)
from hindcast.definitions.windows import Window
from hindcast.errors import DefinitionError

SCHEMA = {"id": "bigint", "at": "date", "n": "bigint", "vector": "double[3]", "late": "boolean"}


def source(**given: object) -> Source:
    roles: dict[str, Any] = {"event_timestamp": "at", "tiebreaker": "n", "schema": SCHEMA}
    roles["entity"] = Entity("thing", key="id")
    return Source("events", **(roles | given))


def view(*features: Feature) -> FeatureView:
    return FeatureView("things", source(), features)


def feature(expression: str, over: Window | None) -> Callable[[], object]:
    return lambda: compile_view(view(Feature("f", expression, over=over)))


def service(of: FeatureView, *others: Derived) -> CompiledService:
    return compile_service(FeatureService("all", [of[...], *others]), compile_view)


VECTOR = Feature("vector", "vector", over=latest())


def test_a_model_reads_an_array_as_a_column_for_each_number() -> None:
    found = service(view(VECTOR, Feature("any", "vector is not null", over=latest())))
    assert [each.columns for each in found.features] == [
        ("vector_0", "vector_1", "vector_2"),
        ("any",),
    ]


ALONE = "an expression can only test an array for null; name the column alone"
DERIVED = Derived("d", "vector = vector")
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "arithmetic": (feature("vector * 2", latest()), rf"'vector', an array \(double.*{ALONE}"),
    "aggregate": (feature("last(vector)", prior()), f"'f': .*{ALONE}, with over=latest"),
    "window": (feature("vector", prior()), f"'f': .*{ALONE}"),
    "request": (feature("vector = vector and as_of is null", None), f"'f': .*{ALONE}"),
    "derived": (lambda: service(view(VECTOR), DERIVED), "'d': .*name its feature in the service"),
    "check": (
        lambda: compile_checks(source(checks=[Check("vector > 1")])),
        "check 'vector > 1': .*its length and its numbers are checked without a check",
    ),
    "key": (
        lambda: source(entity=Entity("thing", key="vector")),
        r"key 'vector' is double\[3\]; use bigint or string or date",
    ),
    "event timestamp": (
        lambda: source(event_timestamp="vector"),
        r"event_timestamp 'vector' is double\[3\]; use date or timestamp",
    ),
    "tiebreaker": (lambda: source(tiebreaker="vector"), "tiebreaker 'vector' is double"),
    "label": (lambda: source(label="vector"), "label 'vector' is double.*; use bigint or double"),
    "request value": (
        lambda: RequestSource("asked", {"vector": "double[3]"}),
        "request source 'asked', value 'vector': .*read it from a source",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_all_else_is_refused_by_name_with_the_way_out(name: str) -> None:
    declare, message = REFUSED[name]
    with pytest.raises(DefinitionError, match=message) as raised:
        declare()
    assert "\n" not in str(raised.value)


def test_a_number_of_an_array_has_a_name_of_its_own() -> None:
    of = view(VECTOR, Feature("Vector_1", "count(*)", over=prior()))
    label = Label("events.late")
    model = Model("m", features=of[["vector"]], label=label, estimator=lambda seed: None)
    with pytest.raises(DefinitionError, match="'vector' as vector_0 to vector_2, and 'vector_1'"):
        labelled(model, compile_service(model.service, compile_view), {})
