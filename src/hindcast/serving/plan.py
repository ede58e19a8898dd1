"""What serving answers by: the SQL text, the features in order, and of a model its rule."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal, get_args

from hindcast import names
from hindcast.errors import NotMaterializedError, ReleaseError
from hindcast.serving import scores
from hindcast.serving.scores import Rule
from hindcast.serving.scores.binary import BinaryRule

FORMAT = 2
# Numbers in their places, which enter the model one by one; written double[n].
ARRAY = "array"
NUMERIC_KINDS = ("bigint", "double", "decimal", "boolean", ARRAY)
KINDS = (*NUMERIC_KINDS, "string")
KEY_TYPES = ("bigint", "string", "date")
INPUT_KINDS = ("bigint", "double", "decimal", "boolean", "string", "date", "timestamp")
# What is done about an answer that cannot be logged.
Unlogged = Literal["refuse", "answer"]
# Of the document of a feature service.
SERVICE_FORMAT = 1


@dataclass(frozen=True)
class PlanFeature:
    """One feature; kind is one of INPUT_KINDS or ARRAY, and of KINDS where a model reads it.

    size: how many numbers an array has.
    """

    name: str
    kind: str
    request_time: bool
    size: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the model's columns that it is read as."""
        return names.array_columns(self.name, self.size)

    @property
    def described(self) -> str:
        """What a caller sends for it."""
        return f"list of {self.size} numbers" if self.size else self.kind


@dataclass(frozen=True)
class PlanInput:
    """A key, or a value that comes with the question; where required, null is none.

    digits: of a decimal, all of them and those after the point.
    """

    name: str
    kind: str
    required: bool
    digits: tuple[int, int] = (0, 0)


@dataclass(frozen=True, kw_only=True)
class QuestionPlan:
    """How a question is answered with features.

    sql takes the named parameters key_0, key_1, ... in the order of keys, given_0, ... in that of
    request, and as_of (timestamptz), and returns at most one row: the features in order, then
    _unseen (the views without a row, by commas), features_as_of, materialization (of each view,
    by commas) and, of several views, features_as_of_by_view (an array). entity: what is asked
    about, in words.
    """

    entity: str
    keys: tuple[PlanInput, ...]
    request: tuple[PlanInput, ...]
    views: tuple[str, ...]
    sql: str
    features: tuple[PlanFeature, ...]

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of what a question says: keys, then request values."""
        return tuple(each.name for each in (*self.keys, *self.request))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The feature names in the order of the SQL's columns."""
        return tuple(feature.name for feature in self.features)


@dataclass(frozen=True)
class FreshnessRule:
    """How old features may be, and what is answered past that; None: nothing."""

    limit: timedelta
    fallback: int | float | str | None

    def is_broken(self, features_as_of: datetime, asked: datetime) -> bool:
        """Whether features are older than they may be when asked."""
        return asked - features_as_of > self.limit


@dataclass(frozen=True, kw_only=True)
class ServingPlan(QuestionPlan):
    """How a question becomes a prediction: by its features, a model and the rule of its task."""

    model: str
    rule: Rule
    freshness: FreshnessRule | None = None
    unlogged: Unlogged = "refuse"

    @property
    def threshold(self) -> float:
        """From where on a binary model answers 1; raises ReleaseError for any other model."""
        if not isinstance(self.rule, BinaryRule):
            raise ReleaseError(f"model {self.model}: a {self.rule.task} model has no threshold")
        return self.rule.threshold

    @property
    def is_stateless(self) -> bool:
        """Whether it reads no view: whoever asks sends every value."""
        return not self.views

    @cached_property
    def numeric(self) -> tuple[int, ...]:
        """Positions of the features that enter the model's "numeric" input."""
        return tuple(i for i, f in enumerate(self.features) if f.kind in NUMERIC_KINDS)

    @cached_property
    def width(self) -> int:
        """How many numbers enter that input."""
        return sum(len(self.features[i].columns) for i in self.numeric)

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
    for key in plan.keys:
        if key.kind not in KEY_TYPES:
            raise ReleaseError(f"serving_plan.json: keys of type {key.kind} cannot be served")
    return plan


def of_service(document: Mapping[str, Any]) -> QuestionPlan:
    """Read a feature service's document; raises NotMaterializedError for one of another format."""
    if document.get("format") != SERVICE_FORMAT:
        raise NotMaterializedError(
            f"the online store holds services of format {document.get('format')}, not "
            f"{SERVICE_FORMAT}; run: hindcast materialize"
        )
    return QuestionPlan(**_question(document, INPUT_KINDS))


def _plan(document: Mapping[str, Any]) -> ServingPlan:
    return ServingPlan(
        **_question(document, KINDS),
        model=str(document["model"]),
        rule=scores.rule(document),
        freshness=_freshness(document.get("freshness")),
        unlogged=_unlogged(document.get("unlogged", "refuse")),
    )


def _unlogged(given: Any) -> Unlogged:
    if given not in get_args(Unlogged):
        raise ReleaseError(f"serving_plan.json: unlogged is {given!r}, not refuse or answer")
    found: Unlogged = given
    return found


def _freshness(document: Mapping[str, Any] | None) -> FreshnessRule | None:
    if document is None:
        return None
    limit = timedelta(seconds=float(document["limit_seconds"]))
    return FreshnessRule(limit, document["fallback"])


def _question(document: Mapping[str, Any], kinds: Collection[str]) -> dict[str, Any]:
    """The fields of a QuestionPlan; kinds: those that its features may have."""
    return {
        "entity": str(document["entity"]),
        "keys": tuple(_input(each) for each in document["keys"]),
        "request": tuple(_input(each) for each in document["request"]),
        "views": tuple(str(view) for view in document["views"]),
        "sql": str(document["sql"]),
        "features": tuple(_feature(each, kinds) for each in document["features"]),
    }


def _input(document: Mapping[str, Any]) -> PlanInput:
    kind, _, digits = str(document["type"]).rstrip(")").partition("(")
    if kind not in INPUT_KINDS or (kind == "decimal") != bool(digits):
        raise ReleaseError(f"serving_plan.json: {document['name']} of type {kind} cannot be sent")
    name, required = str(document["name"]), bool(document["required"])
    if not digits:
        return PlanInput(name, kind, required)
    every, after_point = map(int, digits.split(","))
    return PlanInput(name, kind, required, (every, after_point))


def _feature(document: Mapping[str, Any], kinds: Collection[str]) -> PlanFeature:
    name, kind = str(document["name"]), str(document["type"]).partition("(")[0]
    if kind.startswith("double["):
        return PlanFeature(name, ARRAY, False, int(kind.removeprefix("double[").rstrip("]")))
    if kind not in kinds:
        raise ReleaseError(f"serving_plan.json: feature {name} has type {kind}, no model input")
    return PlanFeature(name, kind, bool(document["request_time"]))
