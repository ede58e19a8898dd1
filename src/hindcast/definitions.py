"""What a user declares: entities, sources with checks, features with windows, models."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Model:
    """A binary classifier over a view's features.

    estimator: called with the seed, returns an unfitted scikit-learn classifier; it is fitted on
    numbers (null is NaN), text features one-hot encoded after them.
    label_matures: how long after an event its label can be trusted.
    threshold: probability from which the answer is 1; None lets training choose it.
    slices: features whose values metrics are also reported by.
    """

    name: str
    features: FeatureSelection
    label: str
    label_matures: timedelta
    estimator: Callable[[int], Any]
    threshold: float | None = None
    slices: Sequence[str] = ()
    seed: int = 0


def days(count: int) -> timedelta:
    """A number of days, for label_matures."""
    return timedelta(days=count)
