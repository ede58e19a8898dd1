"""Models over a view's features, and the gate that a release must pass."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from itertools import chain
from typing import Any, Literal, get_args

from hindcast.definitions import arguments, lengths
from hindcast.definitions.drift import Drift
from hindcast.definitions.freshness import Freshness
from hindcast.definitions.labels import Label, require_label_type
from hindcast.definitions.services import (
    FeatureService,
    Item,
    RequestSource,
    check_items,
)
from hindcast.definitions.sources import Entity, Source
from hindcast.definitions.splits import Split
from hindcast.definitions.tasks import TASKS, Task, TaskRules
from hindcast.definitions.views import FeatureView
from hindcast.errors import DefinitionError

COVERAGE = 0.9
COVERAGES = (0.01, 0.999)
LARGEST_BOUND = 1e12
ColdStart = Literal["refuse", "answer"]
Unlogged = Literal["refuse", "answer"]


@dataclass(frozen=True)
class Gate:
    """What a release must reach on the holdout before it may be promoted.

    minimum, maximum: metric -> bound; metrics of which more is better have a minimum, the others a
    maximum. slice_minimum, slice_maximum: the same in each slice. compare: the metric by which a
    significant loss refuses it, against the simple baseline and against the champion; None is the
    task's own: roc_auc, log_loss or mae. beats_baseline: whether it must be significantly better
    than the simple baseline instead. least_positives: with fewer (rows, where the task is not
    binary), neither a slice nor a loss against the baseline is judged. latency_ms: 99th percentile
    of scoring one row. skew: the largest share of replayed feature values that may differ from
    what was served.
    """

    minimum: Mapping[str, float] = field(default_factory=dict)
    maximum: Mapping[str, float] = field(default_factory=dict)
    compare: str | None = None
    beats_baseline: bool = False
    slice_minimum: Mapping[str, float] = field(default_factory=dict)
    slice_maximum: Mapping[str, float] = field(default_factory=dict)
    least_positives: int = 20
    latency_ms: float = 10.0
    skew: float = 0.0

    def __post_init__(self) -> None:
        """Raise DefinitionError naming what cannot stand where it stands."""
        for bound in ("minimum", "maximum", "slice_minimum", "slice_maximum"):
            self._check_bounds(bound, getattr(self, bound))
        if self.compare is not None:
            arguments.require("gate", "compare", self.compare, str, "the name of a metric")
        arguments.require("gate", "beats_baseline", self.beats_baseline, bool, "True or False")
        arguments.require_whole("gate", "least_positives", self.least_positives, 1, 10**9)
        arguments.require_number("gate", "latency_ms", self.latency_ms, 0, 1e6)
        arguments.require_number("gate", "skew", self.skew, 0, 1)

    def _check_bounds(self, bound: str, given: Any) -> None:
        arguments.require_mapping("gate", bound, given, "a mapping of metrics to bounds")
        for metric, value in given.items():
            arguments.require_number("gate", f"{bound} of {metric}", value, 0, LARGEST_BOUND)

    def check(self, where: str, rules: TaskRules) -> None:
        """Raise DefinitionError naming a metric that a model of the task is not judged by."""
        rising, falling = (self.minimum, self.slice_minimum), (self.maximum, self.slice_maximum)
        for bounds, known, bound in (
            (rising, rules.rising, "minimum"),
            (falling, rules.falling, "maximum"),
        ):
            for metric in chain(*bounds):
                arguments.require_one_of(where, f"a metric of {bound}", metric, known)
        if self.compare is not None:
            arguments.require_one_of(where, "compare", self.compare, rules.compared)


def _missing(seed: int) -> Any:
    raise DefinitionError("a model without an estimator is not trained")


@dataclass(frozen=True)
class Model:
    """A classifier or a regression over features of views, request values and derived features.

    features: a FeatureService, or selections that are one without a name. spine: the source whose
    events are learned from; by default the one that has the label. label: a Label, or the text
    "source.column" with label_matures.
    estimator: called with the seed, returns an unfitted scikit-learn classifier or regressor; it is
    fitted on numbers (null is NaN), text features one-hot encoded after them.
    task: the kind of target: "binary" (0 and 1), "multiclass" (labels) or "regression" (numbers).
    split: which rows are held out to measure the model by.
    threshold: of a binary model, the probability from which the answer is 1; None lets training
    choose it. coverage: of a regression, the share of labels that its interval shall hold.
    slices: features whose values metrics are also reported by.
    cold_start: what is done about an entity without any event yet. "refuse": it gets no answer, and
    first events are not trained on. "answer": both are done on the empty history.
    gate: what a release of the model must reach before it may be promoted.
    freshness: how old served features may be, and what is answered past that; None: any age.
    unlogged: what is done about an answer that cannot be logged. "refuse": it is a 503, so that
    every answer can be replayed. "answer": it is given, and nobody can tell later what it was.
    drift: how it is watched once it is in production.
    second_person: whether a release is promoted only by somebody else than who trained it.
    default: of a project's several models, the one that is meant where none is named.
    """

    name: str
    features: FeatureService | Item | Sequence[Item | FeatureView | RequestSource]
    label: str | Label
    label_matures: timedelta | None = None
    estimator: Callable[[int], Any] = _missing
    threshold: float | None = None
    slices: Sequence[str] = ()
    seed: int = 0
    gate: Gate = field(default_factory=Gate)
    cold_start: ColdStart = "refuse"
    task: Task = "binary"
    split: Split = field(default_factory=Split)
    coverage: float | None = None
    spine: Source | None = None
    default: bool = False
    freshness: Freshness | None = None
    drift: Drift = field(default_factory=Drift)
    second_person: bool = False
    unlogged: Unlogged = "refuse"

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the model and its wrong argument."""
        arguments.require_name("model", self.name)
        where = f"model '{self.name}'"
        if not isinstance(self.features, FeatureService):
            check_items(where, self._listed())
        arguments.require_one_of(where, "task", self.task, get_args(Task))
        self._check_label(where)
        self._check_estimator(where)
        self._check_split(where)
        self._check_share(where, "threshold", self.threshold, "binary", (0, 1))
        self._check_share(where, "coverage", self.coverage, "regression", COVERAGES)
        arguments.require_whole(where, "seed", self.seed, 0, 2**32 - 1)
        arguments.require(where, "gate", self.gate, Gate, "a Gate")
        self.gate.check(f"{where}, gate", self.rules)
        arguments.require(where, "drift", self.drift, Drift, "a Drift")
        arguments.require_items(where, "slices", self.slices, str, "feature name")
        arguments.require(where, "default", self.default, bool, "True or False")
        if self.freshness is not None:
            arguments.require(where, "freshness", self.freshness, Freshness, "a Freshness")
            self.freshness.check(f"{where}, freshness", self.task)
        arguments.require(where, "second_person", self.second_person, bool, "True or False")
        arguments.require_one_of(where, "cold_start", self.cold_start, get_args(ColdStart))
        arguments.require_one_of(where, "unlogged", self.unlogged, get_args(Unlogged))

    @cached_property
    def service(self) -> FeatureService:
        """What the model reads."""
        if isinstance(self.features, FeatureService):
            return self.features
        return FeatureService(self.name, self._listed())

    @property
    def target(self) -> Label:
        """What the model learns, as a Label."""
        if isinstance(self.label, Label):
            return self.label
        return Label(self.label, matures=self.label_matures or timedelta(0))

    @property
    def events(self) -> Source:
        """The source whose events are learned from; raises DefinitionError where none is it."""
        sources = {view.source.name: view.source for view in self.service.views}
        found = self.spine or sources.get(self.target.source)
        if found is None or (self.spine is None and not self.target.is_own):
            raise DefinitionError(
                f"model '{self.name}': label '{self.target.column}' is of a source that its "
                "features are not of; say whose events it learns from: spine=..."
            )
        return found

    def _listed(self) -> Any:
        """The features as a list, one selection alone as a list of it."""
        is_list = isinstance(self.features, list | tuple)
        return self.features if is_list else [self.features]

    def _check_label(self, where: str) -> None:
        """The label and the spine, as far as the model alone can tell."""
        if not isinstance(self.label, Label):
            arguments.require_text(where, "label", self.label, "text such as source.column")
            lengths.require(where, "label_matures", self.label_matures)
        elif self.label_matures is not None:
            raise DefinitionError(
                f"{where}: label_matures is given beside a Label; write Label(..., matures=...)"
            )
        try:
            _ = self.target
        except DefinitionError as error:
            raise DefinitionError(f"{where}: {error}") from error
        if self.spine is not None:
            arguments.require(where, "spine", self.spine, Source, "a Source")
        events, target = self.events, self.target
        if not target.is_own:
            return
        if target.source != events.name:
            raise DefinitionError(
                f"{where}: label '{target.column}' is not of its spine '{events.name}'; name the "
                "columns that both have: Label(..., on=...)"
            )
        if target.name not in events.schema:
            raise DefinitionError(
                f"{where}: label '{target.column}': source '{events.name}' has no column "
                f"'{target.name}'; it has {', '.join(events.schema)}"
            )
        require_label_type(where, target, events.types[target.name], self.task)

    @property
    def rules(self) -> TaskRules:
        """What holds for every model of its task."""
        return TASKS[self.task]

    @property
    def compared_by(self) -> str:
        """The metric by which the gate compares the model with others."""
        return self.gate.compare or self.rules.compared[0]

    def _check_share(
        self,
        where: str,
        argument: str,
        given: float | None,
        task: Task,
        within: tuple[float, float],
    ) -> None:
        """A share that only one task has."""
        if given is None:
            return
        if self.task != task:
            raise DefinitionError(
                f"{where}: {argument} is for a {task} model, and its task is {self.task}; "
                "leave it out"
            )
        arguments.require_number(where, argument, given, *within)

    def _check_split(self, where: str) -> None:
        arguments.require(where, "split", self.split, Split, "a Split")
        group, events = self.split.group, self.events
        if isinstance(group, Entity) and group not in events.columns_by_entity:
            listed = ", ".join(f"'{entity.name}'" for entity in events.columns_by_entity)
            raise DefinitionError(
                f"{where}: its split is by entity '{group.name}', and its events are of {listed}; "
                "use one of these, or None"
            )

    def _check_estimator(self, where: str) -> None:
        if self.estimator is _missing:
            raise DefinitionError(f"{where}: estimator is missing; give a function of the seed")
        if isinstance(self.estimator, type) or not _takes_one(self.estimator):
            raise DefinitionError(
                f"{where}: estimator is {arguments.shown(self.estimator)}, not a function of the "
                "seed that returns an unfitted estimator"
            )


def _takes_one(function: object) -> bool:
    """Whether it can be called with the seed alone."""
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind(0)
    except TypeError:
        return False
    except ValueError:  # Some functions written in C do not say what they take.
        return True
    return True
