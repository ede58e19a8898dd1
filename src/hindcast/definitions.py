"""What a user declares: entities, sources with checks, features with windows, models."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

from hindcast import datatypes
from hindcast.datatypes import DataType
from hindcast.errors import DefinitionError

OnFail = Literal["reject", "null", "warn"]


@dataclass(frozen=True)
class Entity:
    """Something predictions are asked about, found by the key column."""

    name: str
    key: str


@dataclass(frozen=True)
class Check:
    """A condition on a source row; it fails only when it is false, so null passes.

    on_fail: reject quarantines the row, null empties `field` (default: the first
    column of the expression), warn only counts.
    """

    expression: str
    on_fail: OnFail = "reject"
    field: str | None = None


@dataclass(frozen=True)
class Source:
    """Events of an entity: rows with a time, a tiebreaker, and an explicit schema.

    schema maps each column to its type. `recorded_at` names the source's own column
    for when a row was learned of; without it the ingest instant is used.
    """

    name: str
    entity: Entity
    event_timestamp: str
    tiebreaker: str
    schema: Mapping[str, str]
    label: str | None = None
    recorded_at: str | None = None
    checks: Sequence[Check] = ()

    @cached_property
    def types(self) -> Mapping[str, DataType]:
        """Column name -> type; raises DefinitionError naming the column of an unknown type."""
        return MappingProxyType({column: self._type(column) for column in self.schema})

    @property
    def required(self) -> tuple[str, ...]:
        """The columns no accepted row may lack: key, event timestamp, tiebreaker, recorded_at."""
        own = (self.recorded_at,) if self.recorded_at else ()
        return (self.entity.key, self.event_timestamp, self.tiebreaker, *own)

    def _type(self, column: str) -> DataType:
        try:
            return datatypes.parse(self.schema[column])
        except DefinitionError as error:
            raise DefinitionError(f"source '{self.name}', column '{column}': {error}") from error


@dataclass(frozen=True)
class Window:
    """Which events of the entity a feature sees, relative to its row."""

    kind: Literal["prior", "latest"]
    days: int | None = None


def prior(days: int | None = None) -> Window:
    """Every event strictly before the row; with days, those not older than that many days."""
    if days is not None and (not isinstance(days, int) or days <= 0):
        raise DefinitionError(f"prior(days={days}): days must be a positive whole number")
    return Window("prior", days)


def latest() -> Window:
    """The newest non-null value known at the row, its own event included."""
    return Window("latest")


@dataclass(frozen=True)
class Feature:
    """A SQL expression over source columns; without a window it mentions as_of (request time)."""

    name: str
    expression: str
    over: Window | None = None


@dataclass(frozen=True)
class FeatureView:
    """Features of one source, computed together and served as one row per entity."""

    name: str
    source: Source
    features: Sequence[Feature]

    def __getitem__(self, selection: Sequence[str] | type(Ellipsis)) -> "FeatureSelection":  # type: ignore[valid-type]
        """`view[["a", "b"]]` selects features by name, `view[...]` all of them."""
        known = [feature.name for feature in self.features]
        if selection is Ellipsis:
            return FeatureSelection(self, tuple(known))
        if isinstance(selection, str):
            raise DefinitionError(f"feature view '{self.name}': write [[\"{selection}\"]], a list")
        for position, name in enumerate(selection):
            if name in selection[:position]:
                raise DefinitionError(f"feature view '{self.name}': '{name}' is selected twice")
            if name not in known:
                raise DefinitionError(
                    f"feature view '{self.name}' has no feature '{name}'; it has {', '.join(known)}"
                )
        return FeatureSelection(self, tuple(selection))


@dataclass(frozen=True)
class FeatureSelection:
    """The features of a view that a model reads, in its order."""

    view: FeatureView
    names: tuple[str, ...]


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
