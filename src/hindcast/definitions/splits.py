"""Which labelled events a model is trained on, and which are held out to measure it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Literal

from hindcast.definitions import arguments
from hindcast.definitions.sources import Entity
from hindcast.errors import DefinitionError

# An entity, the first one of the model's events, or none.
Group = Entity | Literal["entity"] | None
LEAST_HELD_OUT = 0.01
MOST_HELD_OUT = 0.9


@dataclass(frozen=True)
class Split:
    """The newest events are held out, of entities that training does not see.

    holdout: the share of the period and of the entities that is held out. start: the instant that
    the holdout begins at, instead of a share of the period. group: whose events are never on both
    sides; "entity" is the one that the features are of, None holds out by time alone.
    """

    holdout: float = 0.3
    start: date | datetime | None = None
    group: Group = "entity"

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the wrong argument."""
        arguments.require_number("split", "holdout", self.holdout, LEAST_HELD_OUT, MOST_HELD_OUT)
        if self.start is not None:
            arguments.require("split", "start", self.start, date, "a date or a datetime")
        if isinstance(self.start, datetime) and self.start.tzinfo is None:
            raise DefinitionError(
                f"split: start is {self.start}, without a time zone; add one, such as tzinfo=UTC"
            )
        if self.group is not None and self.group != "entity":
            arguments.require("split", "group", self.group, Entity, "an Entity or None")

    @property
    def cut(self) -> datetime | None:
        """The first held-out instant in UTC, where the definition says it."""
        if isinstance(self.start, datetime):
            return self.start.astimezone(UTC)
        return None if self.start is None else datetime.combine(self.start, time(), UTC)
