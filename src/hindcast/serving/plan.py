"""The serving plan of a release: the SQL text, the features in order, how its model answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hindcast.errors import ReleaseError
from hindcast.serving import scores
from hindcast.serving.scores import Rule
from hindcast.serving.scores.binary import BinaryRule

FORMAT = 1
NUMERIC_KINDS = ("bigint", "double", "decimal", "boolean")
KINDS = (*NUMERIC_KINDS, "string")
KEY_TYPES = ("bigint", "string")


@dataclass(frozen=True)
class PlanFeature:
    """One feature the model reads; kind is one of KINDS."""

    name: str
    kind: str
    request_time: bool


@dataclass(frozen=True)
class ServingPlan:
    """How a key becomes a prediction.

    sql takes the named parameters key and as_of (timestamptz) and returns at most one row:
    the features in order, then features_as_of, then materialization.
    """

    model: str
    entity: str
    key: str
    key_type: str
    view: str
    sql: str
    features: tuple[PlanFeature, ...]
    rule: Rule

    @property
    def threshold(self) -> float:
        """From where on a binary model answers 1; raises ReleaseError for any other model."""
        if not isinstance(self.rule, BinaryRule):
            raise ReleaseError(f"model {self.model}: a {self.rule.task} model has no threshold")
        return self.rule.threshold

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The feature names in the order of the SQL's columns."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def numeric(self) -> tuple[int, ...]:
        """Positions of the features that enter the model's "numeric" input."""
        return tuple(i for i, f in enumerate(self.features) if f.kind in NUMERIC_KINDS)

    @cached_property
    def categorical(self) -> tuple[int, ...]:
        """Positions of the features that enter the model's "categorical" input."""
        return tuple(i for i, f in enumerate(self.features) if f.kind == "string")


def parse(text: bytes) -> ServingPlan:
    """Read serving_plan.json; raises ReleaseError when it is not a plan this code can serve."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise ReleaseError(f"serving_plan.json has format {document['format']}, not {FORMAT}")
        plan = _plan(document)
    except (KeyError, TypeError, ValueError) as error:
        raise ReleaseError(f"serving_plan.json is not a serving plan: {error!r}") from error
    if plan.key_type not in KEY_TYPES:
        raise ReleaseError(f"serving_plan.json: keys of type {plan.key_type} cannot be served")
    return plan


def _plan(document: Mapping[str, Any]) -> ServingPlan:
    return ServingPlan(
        model=str(document["model"]),
        entity=str(document["entity"]),
        key=str(document["key"]),
        key_type=str(document["key_type"]),
        view=str(document["view"]),
        sql=str(document["sql"]),
        features=tuple(_feature(feature) for feature in document["features"]),
        rule=scores.rule(document),
    )


def _feature(document: Mapping[str, Any]) -> PlanFeature:
    name, kind = str(document["name"]), str(document["type"]).partition("(")[0]
    if kind not in KINDS:
        raise ReleaseError(f"serving_plan.json: feature {name} has type {kind}, no model input")
    return PlanFeature(name, kind, bool(document["request_time"]))
