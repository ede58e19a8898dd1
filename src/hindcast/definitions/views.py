"""Features, and the views that compute them together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import EllipsisType

from hindcast.definitions import arguments, lengths, schedule
from hindcast.definitions.schedule import Schedule
from hindcast.definitions.sources import Entity, Source
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
    """Features of one entity out of one source, computed together and served as one row per entity.

    entity: by default the source's only one. refreshed: when the online store is refreshed, such as
    "daily 02:00" (UTC); training rows then see what the last refresh before them saw. None: each
    row sees all that was before it. ttl: where the entity's newest event is older than that, all
    features are null. owner, tags, description: for its readers.
    """

    name: str
    source: Source
    features: Sequence[Feature]
    refreshed: str | None = None
    entity: Entity | None = None
    ttl: timedelta | None = None
    owner: str | None = None
    tags: Sequence[str] = ()
    description: str | None = None

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
        object.__setattr__(self, "entity", self._resolved_entity(where))
        if self.ttl is not None:
            lengths.require(where, "ttl", self.ttl, timedelta(microseconds=1))
        arguments.require_described(where, self.owner, self.tags, self.description)

    @property
    def keys(self) -> tuple[str, ...]:
        """The key columns as questions and online rows name them."""
        return self.of.keys

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The source's columns that hold the key, in the order of keys."""
        return self.source.key_columns(self.of)

    @property
    def of(self) -> Entity:
        """The entity that the features are of."""
        assert self.entity is not None
        return self.entity

    def _resolved_entity(self, where: str) -> Entity:
        """The declared entity, or the source's only one; raises DefinitionError."""
        known = self.source.columns_by_entity
        listed = ", ".join(entity.name for entity in known)
        if self.entity is None:
            if len(known) > 1:
                raise DefinitionError(
                    f"{where}: source '{self.source.name}' has the entities {listed}; say whose "
                    "features these are: entity=..."
                )
            return self.source.first
        arguments.require(where, "entity", self.entity, Entity, "an Entity")
        if self.entity not in known:
            raise DefinitionError(
                f"{where}: source '{self.source.name}' does not have entity '{self.entity.name}'; "
                f"it has {listed}; add it to the source's entities"
            )
        return self.entity

    @property
    def schedule(self) -> Schedule | None:
        """When it is refreshed; None where it does not say."""
        where = f"feature view '{self.name}'"
        return schedule.parse(self.refreshed, where) if self.refreshed is not None else None

    def __getitem__(self, selection: Sequence[str] | EllipsisType) -> "FeatureSelection":
        """`view[["a", "b"]]` selects features by name, `view[...]` all of them."""
        where = f"feature view '{self.name}'"
        known = (feature.name for feature in self.features)
        return FeatureSelection(self, arguments.selected(where, "feature", selection, known))


@dataclass(frozen=True)
class FeatureSelection:
    """The features of a view that a model reads, in its order."""

    view: FeatureView
    names: tuple[str, ...]
