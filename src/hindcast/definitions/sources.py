"""Entities, and the sources of their events with schema and checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal

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
