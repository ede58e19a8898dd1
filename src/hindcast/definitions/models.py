"""Models over a view's features, and the gate that a release must pass."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hindcast.definitions.views import FeatureSelection
from hindcast.errors import DefinitionError

RISING = ("roc_auc", "pr_auc", "ks")
FALLING = ("brier", "log_loss", "calibration_error")


@dataclass(frozen=True)
class Gate:
    """What a release must reach on the holdout before it may be promoted.

    minimum, maximum: metric -> bound; RISING metrics have a minimum, FALLING ones a maximum.
    compare: the RISING metric by which it must beat the simple baseline, and by which a
    significant loss against the champion refuses it. slice_minimum: metric -> floor in each slice.
    least_positives: with fewer, neither a slice nor the baseline is judged. latency_ms: 99th
    percentile of scoring one row. skew: the largest share of replayed feature values that may
    differ from what was served.
    """

    minimum: Mapping[str, float] = field(default_factory=dict)
    maximum: Mapping[str, float] = field(default_factory=dict)
    compare: str = "roc_auc"
    slice_minimum: Mapping[str, float] = field(default_factory=dict)
    least_positives: int = 20
    latency_ms: float = 10.0
    skew: float = 0.0

    def __post_init__(self) -> None:
        """Raise DefinitionError naming a metric that cannot stand where it stands."""
        _require_metrics("minimum", self.minimum, RISING)
        _require_metrics("maximum", self.maximum, FALLING)
        _require_metrics("slice_minimum", self.slice_minimum, RISING)
        _require_metrics("compare", [self.compare], RISING)


@dataclass(frozen=True)
class Model:
    """A binary classifier over a view's features.

    estimator: called with the seed, returns an unfitted scikit-learn classifier; it is fitted on
    numbers (null is NaN), text features one-hot encoded after them.
    label_matures: how long after an event its label can be trusted.
    threshold: probability from which the answer is 1; None lets training choose it.
    slices: features whose values metrics are also reported by.
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


def _require_metrics(where: str, given: Iterable[str], allowed: Sequence[str]) -> None:
    for name in given:
        if name not in allowed:
            raise DefinitionError(f"gate {where} '{name}': use one of {', '.join(allowed)}")


def days(count: int) -> timedelta:
    """A number of days, for label_matures."""
    return timedelta(days=count)
