"""Entities, and the sources of their events with schema and checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal, get_args

from hindcast import datatypes, names
from hindcast.datatypes import DataType
from hindcast.definitions import arguments
from hindcast.definitions.formats import Format, JsonLines, Values
from hindcast.errors import DefinitionError

OnFail = Literal["reject", "null", "warn"]

# What the online store finds a key by, and what orders events.
KEYS = ("bigint", "string")
CLOCKS = ("date", "timestamp")
TIEBREAKERS = ("bigint", "string", "decimal", "date", "timestamp")


@dataclass(frozen=True)
class Entity:
    """Something predictions are asked about, found by the key column."""

    name: str
    key: str

    def __post_init__(self) -> None:
        """Raise DefinitionError where the name or the key is none."""
        arguments.require_name("entity", self.name)
        where = f"entity '{self.name}'"
        wanted = "the name of one column (composite keys are not supported)"
        arguments.require_text(where, "key", self.key, wanted)


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
    """Events of an entity: rows with a time, a tiebreaker, and an explicit schema.

    schema maps each column to its type. `recorded_at` names the source's own column
    for when a row was learned of; without it the ingest instant is used. optional: columns that
    a file may lack, null then. format: how its files are written; without it, as their endings say.
    """

    name: str
    entity: Entity
    event_timestamp: str
    tiebreaker: str
    schema: Mapping[str, str]
    label: str | None = None
    recorded_at: str | None = None
    checks: Sequence[Check] = ()
    optional: Sequence[str] = ()
    format: Format | None = None

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the source and what is wrong with it."""
        arguments.require_name("source", self.name)
        where = f"source '{self.name}'"
        arguments.require(where, "entity", self.entity, Entity, "an Entity")
        arguments.require_items(where, "checks", self.checks, Check, "Check")
        self._check_schema(where)
        self._check_role(where, "key", self.entity.key, KEYS)
        self._check_role(where, "event_timestamp", self.event_timestamp, CLOCKS)
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
    def required(self) -> tuple[str, ...]:
        """The columns no accepted row may lack: key, event timestamp, tiebreaker, recorded_at."""
        own = (self.recorded_at,) if self.recorded_at else ()
        return (self.entity.key, self.event_timestamp, self.tiebreaker, *own)

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
            self._check_role(where, "optional column", column, datatypes.KINDS)
            if column in self.required:
                raise DefinitionError(f"{where}: '{column}' cannot be optional, rows need it")
        if self.format is not None:
            wanted = "Csv(...), JsonLines(...) or Parquet(...)"
            arguments.require(where, "format", self.format, Values, wanted)
        if isinstance(self.format, JsonLines):
            for column in self.format.paths:
                self._check_role(where, "path of column", column, datatypes.KINDS)

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
