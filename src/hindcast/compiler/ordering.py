"""The columns by which the one query tells entities and events apart, and orders events."""

from dataclasses import dataclass

from hindcast.definitions import FeatureView


@dataclass(frozen=True)
class Ordering:
    """Columns of the query: of the entity's key, and of the event's own where these differ.

    Events are ordered within an entity by instant, then tiebreaker; where a view's entity is not
    the first of its source, events of one instant and tiebreaker are ordered by the first's key.
    """

    keys: tuple[str, ...]
    identity: tuple[str, ...]
    has_rows: bool = False

    @classmethod
    def of(cls, view: FeatureView, has_rows: bool = False) -> "Ordering":
        """The columns for a view. has_rows: whether there are rows of a spine among the events."""
        own, first = view.key_columns, view.source.key_columns(view.source.first)
        identity = _numbered("_first", len(first) if own != first else 0)
        return cls(_numbered("_key", len(own)), identity, has_rows)

    @property
    def entity(self) -> str:
        """What the rows of one entity have in common."""
        return ", ".join(self.keys)

    @property
    def within(self) -> str:
        """The order of an entity's events of one instant; a row without a tiebreaker is first."""
        ordered = [f"{each} NULLS FIRST" for each in ("_tie", *self.identity)]
        # A row that is itself an event comes before it.
        return ", ".join([*ordered, *(["_is_event"] if self.has_rows else [])])

    @property
    def order(self) -> str:
        """The order of an entity's events."""
        return f"_at, {self.within}"

    @property
    def owner(self) -> str:
        """What the events of the source's first entity have in common."""
        return ", ".join(self.identity or self.keys)

    @property
    def event(self) -> str:
        """What the records of one event have in common."""
        return f"{self.owner}, _at, _tie"

    @property
    def place(self) -> str:
        """What no two events of an entity share."""
        return ", ".join([*self.keys, *self.identity, "_at", "_tie"])


def _numbered(name: str, count: int) -> tuple[str, ...]:
    """name, name_2, name_3, ..."""
    return tuple(name if number == 1 else f"{name}_{number}" for number in range(1, count + 1))
