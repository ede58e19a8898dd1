"""Models over a view's features, and the gate that a release must pass."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from typing import Any, Literal, get_args

from hindcast.datatypes import DataType
from hindcast.definitions import arguments
from hindcast.definitions.lengths import MOST_DAYS
from hindcast.definitions.sources import Entity
from hindcast.definitions.splits import Split
from hindcast.definitions.tasks import TASKS, Task, TaskRules
from hindcast.definitions.views import FeatureSelection
from hindcast.errors import DefinitionError

COVERAGE = 0.9
COVERAGES = (0.01, 0.999)
LARGEST_BOUND = 1e12
ColdStart = Literal["refuse", "answer"]


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


@dataclass(frozen=True)
class Model:
    """A classifier or a regression over a view's features.

    estimator: called with the seed, returns an unfitted scikit-learn classifier or regressor; it is
    fitted on numbers (null is NaN), text features one-hot encoded after them.
    label_matures: how long after an event its label can be trusted.
    task: the kind of target: "binary" (0 and 1), "multiclass" (labels) or "regression" (numbers).
    split: which rows are held out to measure the model by.
    threshold: of a binary model, the probability from which the answer is 1; None lets training
    choose it. coverage: of a regression, the share of labels that its interval shall hold.
    slices: features whose values metrics are also reported by.
    cold_start: what is done about an entity without any event yet. "refuse": it gets no answer, and
    first events are not trained on. "answer": both are done on the empty history.
    gate: what a release of the model must reach before it may be promoted.
    """

    name: str
    features: FeatureSelection
    label: str
    label_matures: timedelta
    estimator: Callable[[int], Any]
    threshold: float | None = None
    slices: Sequence[str] = ()
    seed: int = 0
    gate: Gate = field(default_factory=Gate)
    cold_start: ColdStart = "refuse"
    task: Task = "binary"
    split: Split = field(default_factory=Split)
    coverage: float | None = None

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the model and its wrong argument."""
        arguments.require_name("model", self.name)
        where = f"model '{self.name}'"
        wanted = "the selection of one view, such as view[...] (several are not supported)"
        arguments.require(where, "features", self.features, FeatureSelection, wanted)
        arguments.require_one_of(where, "task", self.task, get_args(Task))
        self._check_label(where)
        self._check_estimator(where)
        self._check_slices(where)
        self._check_split(where)
        self._check_share(where, "threshold", self.threshold, "binary", (0, 1))
        self._check_share(where, "coverage", self.coverage, "regression", COVERAGES)
        arguments.require_whole(where, "seed", self.seed, 0, 2**32 - 1)
        arguments.require(where, "gate", self.gate, Gate, "a Gate")
        self.gate.check(f"{where}, gate", self.rules)
        arguments.require_one_of(where, "cold_start", self.cold_start, get_args(ColdStart))

    def _check_label(self, where: str) -> None:
        arguments.require_text(where, "label", self.label, "text such as source.column")
        source = self.features.view.source
        if source.label is None or self.label != f"{source.name}.{source.label}":
            declared = f"'{source.name}.{source.label}'" if source.label else "none"
            raise DefinitionError(
                f"{where}: label '{self.label}' is not the label that its features' source "
                f"'{source.name}' declares: {declared}"
            )
        require_label_type(where, self.label, source.types[source.label], self.task)
        wanted = "a length of time such as days(60)"
        arguments.require(where, "label_matures", self.label_matures, timedelta, wanted)
        if not timedelta(0) <= self.label_matures <= timedelta(days=MOST_DAYS):
            raise DefinitionError(
                f"{where}: label_matures is {self.label_matures}, not from 0 to {MOST_DAYS} days"
            )

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
                f"{where}: {argument} is of a {task} model, and its task is {self.task}; "
                "leave it out"
            )
        arguments.require_number(where, argument, given, *within)

    def _check_split(self, where: str) -> None:
        arguments.require(where, "split", self.split, Split, "a Split")
        group, entity = self.split.group, self.features.view.source.entity
        if isinstance(group, Entity) and group != entity:
            raise DefinitionError(
                f"{where}: its split is by entity '{group.name}', and its features are of "
                f"'{entity.name}'; use that, or None"
            )

    def _check_estimator(self, where: str) -> None:
        if isinstance(self.estimator, type) or not _takes_one(self.estimator):
            raise DefinitionError(
                f"{where}: estimator is {arguments.shown(self.estimator)}, not a function of the "
                "seed that returns an unfitted estimator"
            )

    def _check_slices(self, where: str) -> None:
        arguments.require_items(where, "slices", self.slices, str, "feature name")
        known = [feature.name for feature in self.features.view.features]
        for name in self.slices:
            if name not in known:
                raise DefinitionError(
                    f"{where}: slice '{name}' is not a feature of '{self.features.view.name}'; "
                    f"it has {', '.join(known)}"
                )


def require_label_type(where: str, label: str, datatype: DataType, task: str) -> None:
    """Raise DefinitionError unless a model of the task can learn a column of that type."""
    fitting = [name for name, rules in TASKS.items() if datatype.kind in rules.labels]
    if task not in fitting:
        others = " or ".join(f'task="{name}"' for name in fitting)
        raise DefinitionError(
            f"{where}: label '{label}' is {datatype}; a {task} model {TASKS[task].learns}, which "
            f"are {' or '.join(TASKS[task].labels)}" + (f"; use {others}" if others else "")
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
