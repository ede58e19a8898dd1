"""Features, the windows they see, and the views that compute them together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hindcast.definitions.sources import Source
from hindcast.errors import DefinitionError


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
