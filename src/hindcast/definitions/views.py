"""Features, and the views that compute them together."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import EllipsisType

from hindcast.definitions import arguments, schedule
from hindcast.definitions.schedule import Schedule
from hindcast.definitions.sources import Source
from hindcast.definitions.windows import Window
from hindcast.errors import DefinitionError


@dataclass(frozen=True)
class Feature:
    """A SQL expression over source columns; without a window it mentions as_of (request time)."""

    name: str
    expression: str
    over: Window | None = None

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the feature and its wrong argument."""
        arguments.require("feature", "name", self.name, str, "text")
        where = f"feature '{self.name}'"
        arguments.require_expression(where, self.expression)
        if self.over is not None:
            arguments.require(where, "over", self.over, Window, "a window such as prior()")


@dataclass(frozen=True)
class FeatureView:
    """Features of one source, computed together and served as one row per entity.

    refreshed: when the online store is refreshed, such as "daily 02:00" (UTC); training rows then
    see what the last refresh before them saw. None: each row sees all that was before it.
    """

    name: str
    source: Source
    features: Sequence[Feature]
    refreshed: str | None = None

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the view and what is wrong with it."""
        arguments.require_name("feature view", self.name)
        where = f"feature view '{self.name}'"
        arguments.require(where, "source", self.source, Source, "one Source")
        arguments.require_items(where, "features", self.features, Feature, "Feature")
        if not self.features:
            raise DefinitionError(f"{where}: it has no features; declare one")
        if self.refreshed is not None:
            wanted = "text such as 'daily 02:00'"
            arguments.require_text(where, "refreshed", self.refreshed, wanted)
            schedule.parse(self.refreshed, where)

    @property
    def schedule(self) -> Schedule | None:
        """When it is refreshed; None where it does not say."""
        where = f"feature view '{self.name}'"
        return schedule.parse(self.refreshed, where) if self.refreshed is not None else None

    def __getitem__(self, selection: Sequence[str] | EllipsisType) -> "FeatureSelection":
        """`view[["a", "b"]]` selects features by name, `view[...]` all of them."""
        known = [feature.name for feature in self.features]
        if isinstance(selection, EllipsisType):
            return FeatureSelection(self, tuple(known))
        where = f"feature view '{self.name}'"
        arguments.require_items(where, "the selection", selection, str, "feature name")
        if not selection:
            raise DefinitionError(f"{where}: an empty list selects nothing; name a feature")
        for position, name in enumerate(selection):
            if name in selection[:position]:
                raise DefinitionError(f"{where}: '{name}' is selected twice")
            if name not in known:
                raise DefinitionError(f"{where} has no feature '{name}'; it has {', '.join(known)}")
        return FeatureSelection(self, tuple(selection))


@dataclass(frozen=True)
class FeatureSelection:
    """The features of a view that a model reads, in its order."""

    view: FeatureView
    names: tuple[str, ...]
