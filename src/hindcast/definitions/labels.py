"""Labels: what a model learns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from hindcast.datatypes import DataType
from hindcast.definitions import arguments, lengths
from hindcast.definitions.sources import Entity, Source
from hindcast.definitions.tasks import TASKS
from hindcast.errors import DefinitionError


@dataclass(frozen=True)
class Label:
    """What a model learns: a column of its spine, or of a source whose rows come later.

    column: "source.column". on: of another source than the spine, by what its rows are found: names
    of columns that both have, entities of both, whatever their columns there, or a mapping of the
    spine's columns to the source's. matures: how long after an event its label can be trusted.
    ahead: how long before the labelled event its features are as of, for a forecast.
    """

    column: str
    on: str | Entity | Sequence[str | Entity] | Mapping[str, str] = ()
    matures: timedelta = timedelta(0)
    ahead: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the label and its wrong argument."""
        arguments.require_text("label", "column", self.column, "text such as source.column")
        where = f"label '{self.column}'"
        if self.column.count(".") != 1 or not all(self.column.split(".")):
            raise DefinitionError(f"{where}: write it as source.column")
        lengths.require(where, "matures", self.matures)
        lengths.require(where, "ahead", self.ahead)
        self._check_on(where)

    @property
    def source(self) -> str:
        """The name of the source that has it."""
        return self.column.split(".")[0]

    @property
    def name(self) -> str:
        """The column's name in its source."""
        return self.column.split(".")[1]

    @property
    def is_own(self) -> bool:
        """Whether it is a column of the spine."""
        return not self.on

    def found_by(self, events: Source, labels: Source) -> dict[str, str]:
        """Columns of the spine -> those of the label's source that hold the same; none of its own.

        Raises DefinitionError for an entity that one of them does not have.
        """
        if isinstance(self.on, Mapping):
            return dict(self.on)
        found: dict[str, str] = {}
        for each in (self.on,) if isinstance(self.on, str | Entity) else self.on:
            if isinstance(each, str):
                found[each] = each
            else:
                sides = (self._columns(each, source) for source in (events, labels))
                found.update(zip(*sides, strict=True))
        return found

    def _columns(self, entity: Entity, source: Source) -> tuple[str, ...]:
        if entity not in source.columns_by_entity:
            raise DefinitionError(
                f"label '{self.column}': on has entity '{entity.name}', which source "
                f"'{source.name}' does not have; add it to its entities, or name columns"
            )
        return source.key_columns(entity)

    def _check_on(self, where: str) -> None:
        if isinstance(self.on, str | Entity):
            return
        if isinstance(self.on, Mapping):
            arguments.require_items(where, "on", [*self.on, *self.on.values()], str, "column name")
            return
        arguments.require_items(where, "on", self.on, str | Entity, "column name or Entity")
        object.__setattr__(self, "on", tuple(self.on))


def require_label_type(where: str, label: Label, datatype: DataType, task: str) -> None:
    """Raise DefinitionError unless a model of the task can learn a column of that type."""
    fitting = [name for name, rules in TASKS.items() if datatype.kind in rules.labels]
    if task not in fitting:
        others = " or ".join(f'task="{name}"' for name in fitting)
        raise DefinitionError(
            f"{where}: label '{label.column}' is {datatype}; a {task} model {TASKS[task].learns}, "
            f"which are {' or '.join(TASKS[task].labels)}" + (f"; use {others}" if others else "")
        )
