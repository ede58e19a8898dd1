"""Models over a view's features, and the gate that a release must pass."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, get_args

from hindcast.definitions import arguments
from hindcast.definitions.views import MOST_DAYS, FeatureSelection
from hindcast.errors import DefinitionError

RISING = ("roc_auc", "pr_auc", "ks")
FALLING = ("brier", "log_loss", "calibration_error")
# Types that hold 0 and 1, and nothing between them.
LABELS = ("bigint", "boolean")
ColdStart = Literal["refuse", "answer"]


@dataclass(frozen=True)
class Gate:
    """What a release must reach on the holdout before it may be promoted.

    minimum, maximum: metric -> bound; RISING metrics have a minimum, FALLING ones a maximum.
    compare: the RISING metric by which a significant loss refuses it, against the simple baseline
    and against the champion. beats_baseline: whether it must be significantly better than the
    simple baseline instead. slice_minimum: metric -> floor in each slice. least_positives: with
    fewer, neither a slice nor a loss against the baseline is judged. latency_ms: 99th percentile
    of scoring one row. skew: the largest share of replayed feature values that may differ from
    what was served.
    """

    minimum: Mapping[str, float] = field(default_factory=dict)
    maximum: Mapping[str, float] = field(default_factory=dict)
    compare: str = "roc_auc"
    beats_baseline: bool = False
    slice_minimum: Mapping[str, float] = field(default_factory=dict)
    least_positives: int = 20
    latency_ms: float = 10.0
    skew: float = 0.0

    def __post_init__(self) -> None:
        """Raise DefinitionError naming what cannot stand where it stands."""
        self._check_bounds("minimum", self.minimum, RISING)
        self._check_bounds("maximum", self.maximum, FALLING)
        self._check_bounds("slice_minimum", self.slice_minimum, RISING)
        arguments.require_one_of("gate", "compare", self.compare, RISING)
        arguments.require("gate", "beats_baseline", self.beats_baseline, bool, "True or False")
        arguments.require_whole("gate", "least_positives", self.least_positives, 1, 10**9)
        arguments.require_number("gate", "latency_ms", self.latency_ms, 0, 1e6)
        arguments.require_number("gate", "skew", self.skew, 0, 1)

    def _check_bounds(self, bound: str, given: Any, metrics: Sequence[str]) -> None:
        arguments.require_mapping("gate", bound, given, "a mapping of metrics to bounds")
        for metric, value in given.items():
            arguments.require_one_of("gate", f"a metric of {bound}", metric, metrics)
            arguments.require_number("gate", f"{bound} of {metric}", value, 0, 100)


@dataclass(frozen=True)
class Model:
    """A binary classifier over a view's features.

    estimator: called with the seed, returns an unfitted scikit-learn classifier; it is fitted on
    numbers (null is NaN), text features one-hot encoded after them.
    label_matures: how long after an event its label can be trusted.
    threshold: probability from which the answer is 1; None lets training choose it.
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

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the model and its wrong argument."""
        arguments.require_name("model", self.name)
        where = f"model '{self.name}'"
        wanted = "the selection of one view, such as view[...] (several are not supported)"
        arguments.require(where, "features", self.features, FeatureSelection, wanted)
        self._check_label(where)
        self._check_estimator(where)
        self._check_slices(where)
        if self.threshold is not None:
            arguments.require_number(where, "threshold", self.threshold, 0, 1)
        arguments.require_whole(where, "seed", self.seed, 0, 2**32 - 1)
        arguments.require(where, "gate", self.gate, Gate, "a Gate")
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
        kind = source.types[source.label].kind
        if kind not in LABELS:
            raise DefinitionError(
                f"{where}: label '{self.label}' is {source.types[source.label]}; a model "
                f"classifies 0 and 1, which are {' or '.join(LABELS)}"
            )
        wanted = "a length of time such as days(60)"
        arguments.require(where, "label_matures", self.label_matures, timedelta, wanted)
        if not timedelta(0) <= self.label_matures <= timedelta(days=MOST_DAYS):
            raise DefinitionError(
                f"{where}: label_matures is {self.label_matures}, not from 0 to {MOST_DAYS} days"
            )

    def _check_estimator(self, where: str) -> None:
        if isinstance(self.estimator, type) or not _takes_one(self.estimator):
            raise DefinitionError(
                f"{where}: estimator is {arguments.shown(self.estimator)}, not a function of the "
                "seed that returns an unfitted classifier"
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


def days(count: int) -> timedelta:
    """A number of days, for label_matures."""
    arguments.require_whole("days()", "count", count, 0, MOST_DAYS)
    return timedelta(days=count)


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
