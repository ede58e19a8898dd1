"""Entities, and the sources of their events with schema and checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Literal, cast, get_args

from hindcast import datatypes, names
from hindcast.datatypes import DataType
from hindcast.definitions import arguments
from hindcast.definitions.formats import Format, JsonLines, Values
from hindcast.errors import DefinitionError

OnFail = Literal["reject", "null", "warn"]

# What the online store finds a key by, and what orders events.
KEYS = ("bigint", "string", "date")
CLOCKS = ("date", "timestamp")
TIEBREAKERS = ("bigint", "string", "decimal", "date", "timestamp")


@dataclass(frozen=True)
class Entity:
    """Something predictions are asked about, found by one or several key columns."""

    name: str
    key: str | Sequence[str]

    def __post_init__(self) -> None:
        """Raise DefinitionError where the name or the key is none."""
        arguments.require_name("entity", self.name)
        where = f"entity '{self.name}'"
        if not isinstance(self.key, str):
            arguments.require_items(where, "key", self.key, str, "column name")
            # One column is the same, however it is written; a list would have no hash.
            key = self.key[0] if len(self.key) == 1 else tuple(self.key)
            object.__setattr__(self, "key", key)
        if not self.keys:
            raise DefinitionError(f"{where}: key is empty; name its column")
        for column in self.keys:
            arguments.require_text(where, "key", column, "the name of a column, or a list of them")
        arguments.require_distinct(where, "key columns", self.keys)

    @property
    def keys(self) -> tuple[str, ...]:
        """The key columns, as questions and online rows name them."""
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)


# Entities by name or with the columns of a source that hold their keys.
Entities = Sequence[Entity] | Mapping[Entity, str | Sequence[str]]


@dataclass(frozen=True)
class Check:
    """A condition on a source row; it fails only when it is false, so null passes.

    on_fail: reject quarantines the row, null empties `field` (default: the first
    column of the expression), warn only counts.
    """

    expression: str
    on_fail: OnFail = "reject"
    field: str | None = None

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the check and its wrong argument."""
        where = f"check {arguments.shown(self.expression)}"
        arguments.require_expression(where, self.expression)
        arguments.require_one_of(where, "on_fail", self.on_fail, get_args(OnFail))
        if self.field is not None:
            arguments.require_text(where, "field", self.field, "the name of a column")


@dataclass(frozen=True)
class Source:
    """Events of one or several entities: rows with a time and an explicit schema.

    schema maps each column to its type. entities: whose events these are, or a mapping of each to
    its column or columns here, where these have other names than its key; entity: of one alone.
    The first one's key, the event timestamp and the tiebreaker tell an event from others. Without
    a tiebreaker, events of one instant do not see each other, and rows equal in every column are
    one event.
    `recorded_at` names the source's own column for when a row was learned of; without it the ingest
    instant is used. label: a column that no feature may read. optional: columns that a file may
    lack, null then. format: how its files are written; without it, as their endings say.
    """

    name: str
    entity: Entity | None = None
    event_timestamp: str = ""
    tiebreaker: str = names.EVENT_DIGEST
    schema: Mapping[str, str] = field(default_factory=dict)
    label: str | None = None
    recorded_at: str | None = None
    checks: Sequence[Check] = ()
    optional: Sequence[str] = ()
    format: Format | None = None
    entities: Entities = ()

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the source and what is wrong with it."""
        arguments.require_name("source", self.name)
        where = f"source '{self.name}'"
        if self.name.lower() == names.PREDICTIONS:
            raise DefinitionError(f"{where}: the prediction log has this name; rename the source")
        object.__setattr__(self, "entities", self._resolved(where))
        object.__setattr__(self, "entity", self.first)
        arguments.require_items(where, "checks", self.checks, Check, "Check")
        self._check_schema(where)
        for entity in self.columns_by_entity:
            for column in self.key_columns(entity):
                self._check_role(where, "key", column, KEYS)
        self._check_role(where, "event_timestamp", self.event_timestamp, CLOCKS)
        if self.has_tiebreaker:
            self._check_role(where, "tiebreaker", self.tiebreaker, TIEBREAKERS)
        if self.recorded_at is not None:
            self._check_role(where, "recorded_at", self.recorded_at, CLOCKS)
        if self.label is not None:
            self._check_role(where, "label", self.label, datatypes.KINDS)
            self._check_label(where)
        self._check_files(where)

    @cached_property
    def types(self) -> Mapping[str, DataType]:
        """Column name -> type; raises DefinitionError naming the column of an unknown type."""
        return MappingProxyType({column: self._type(column) for column in self.schema})

    @property
    def has_tiebreaker(self) -> bool:
        """Whether events of one instant have an order, in which the later sees the earlier."""
        return self.tiebreaker != names.EVENT_DIGEST

    @property
    def tie_type(self) -> DataType:
        """The type of what tells events of one instant apart."""
        return self.types[self.tiebreaker] if self.has_tiebreaker else datatypes.STRING

    @property
    def columns_by_entity(self) -> Mapping[Entity, tuple[str, ...]]:
        """Each entity -> the columns that hold its key here."""
        assert isinstance(self.entities, Mapping)
        return cast("Mapping[Entity, tuple[str, ...]]", self.entities)

    @property
    def first(self) -> Entity:
        """The entity whose key tells an event from others of its instant and tiebreaker."""
        return next(iter(self.columns_by_entity))

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns by which two records are of one event."""
        return (*self.key_columns(self.first), self.event_timestamp, self.tiebreaker)

    def key_columns(self, entity: Entity) -> tuple[str, ...]:
        """The columns that hold an entity's key, in the order of its own."""
        return self.columns_by_entity[entity]

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that hold any entity's key."""
        columns = (each for columns in self.columns_by_entity.values() for each in columns)
        return tuple(dict.fromkeys(columns))

    @property
    def required(self) -> tuple[str, ...]:
        """The columns no accepted row may lack: the first entity's key, and what orders events.

        A row without another entity's key is an event of none of these.
        """
        declared = [column for column in self.identity if column != names.EVENT_DIGEST]
        return (*declared, *((self.recorded_at,) if self.recorded_at else ()))

    def _resolved(self, where: str) -> Mapping[Entity, tuple[str, ...]]:
        """Each entity with its columns here, however they were declared."""
        if self.entity is not None:
            arguments.require(where, "entity", self.entity, Entity, "an Entity")
        given: object = self.entities or ([self.entity] if self.entity is not None else [])
        if not isinstance(given, Mapping):
            arguments.require_items(where, "entities", given, Entity, "Entity")
            given = {entity: entity.keys for entity in cast("Sequence[Entity]", given)}
        if not given:
            raise DefinitionError(f"{where}: it has no entity; declare entity=, or entities=[...]")
        found = {entity: _columns(where, entity, columns) for entity, columns in given.items()}
        arguments.require_distinct(where, "entities", (entity.name for entity in found))
        if self.entity is not None and self.entity != next(iter(found)):
            raise DefinitionError(f"{where}: it has both entity and entities; declare entities")
        return MappingProxyType(found)

    def _check_schema(self, where: str) -> None:
        arguments.require_mapping(where, "schema", self.schema, "a mapping of columns to types")
        for column, kind in self.schema.items():
            arguments.require_text(where, "a column's name", column, "one line of text")
            arguments.require_text(f"{where}, column '{column}'", "type", kind, "text")
        arguments.require_distinct(where, "columns", self.schema)
        if names.AS_OF in self.schema:
            raise DefinitionError(
                f"{where}: column '{names.AS_OF}' would be read as the instant of a request; "
                "rename it"
            )

    def _check_files(self, where: str) -> None:
        arguments.require_items(where, "optional", self.optional, str, "column name")
        for column in self.optional:
            self._check_role(where, "optional column", column, datatypes.EVERY)
            if column in self.required:
                raise DefinitionError(
                    f"{where}: '{column}' cannot be optional, as every row needs it; take it out"
                )
        if self.format is not None:
            wanted = "Csv(...), JsonLines(...) or Parquet(...)"
            arguments.require(where, "format", self.format, Values, wanted)
        if isinstance(self.format, JsonLines):
            for column in self.format.paths:
                self._check_role(where, "path of column", column, datatypes.EVERY)

    def _check_role(self, where: str, role: str, column: str, kinds: Sequence[str]) -> None:
        arguments.require_text(where, role, column, "the name of one column")
        if column not in self.schema:
            raise DefinitionError(f"{where}: {role} '{column}' is not in its schema; add it")
        if self.types[column].kind not in kinds:
            raise DefinitionError(
                f"{where}: {role} '{column}' is {self.types[column]}; use {' or '.join(kinds)}"
            )

    def _check_label(self, where: str) -> None:
        if self.label in self.required:
            raise DefinitionError(
                f"{where}: label '{self.label}' is its key or orders its events; it is known "
                "before the outcome"
            )

    def _type(self, column: str) -> DataType:
        try:
            return datatypes.parse(self.schema[column])
        except DefinitionError as error:
            raise DefinitionError(f"source '{self.name}', column '{column}': {error}") from error


def _columns(where: str, entity: object, given: object) -> tuple[str, ...]:
    """The columns of an entity's key in a source; raises DefinitionError for a wrong number."""
    arguments.require(where, "an entity", entity, Entity, "an Entity")
    assert isinstance(entity, Entity)
    columns = (given,) if isinstance(given, str) else given
    arguments.require_items(
        where, f"the key of entity '{entity.name}'", columns, str, "column name"
    )
    assert isinstance(columns, list | tuple)
    if len(columns) != len(entity.keys):
        raise DefinitionError(
            f"{where}: entity '{entity.name}' has the key columns {', '.join(entity.keys)}; "
            f"name {len(entity.keys)} columns for it, not {len(columns)}"
        )
    return tuple(columns)
