"""Labels: what a model learns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from hindcast.datatypes import DataType
from hindcast.definitions import arguments, lengths
from hindcast.definitions.tasks import TASKS
from hindcast.errors import DefinitionError


@dataclass(frozen=True)
class Label:
    """What a model learns: a column of its spine, or of a source whose rows come later.

    column: "source.column". on: of another source than the spine, the columns that both have by
    which its rows are found. matures: how long after an event its label can be trusted. ahead: how
    long before the labelled event its features are as of, for a forecast.
    """

    column: str
    on: str | Sequence[str] = ()
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
        if not isinstance(self.on, str):
            arguments.require_items(where, "on", self.on, str, "column name")
            object.__setattr__(self, "on", tuple(self.on))

    @property
    def source(self) -> str:
        """The name of the source that has it."""
        return self.column.split(".")[0]

    @property
    def name(self) -> str:
        """The column's name in its source."""
        return self.column.split(".")[1]

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns by which a row of another source is found; none for the spine's own."""
        return (self.on,) if isinstance(self.on, str) else tuple(self.on)


def require_label_type(where: str, label: Label, datatype: DataType, task: str) -> None:
    """Raise DefinitionError unless a model of the task can learn a column of that type."""
    fitting = [name for name, rules in TASKS.items() if datatype.kind in rules.labels]
    if task not in fitting:
        others = " or ".join(f'task="{name}"' for name in fitting)
        raise DefinitionError(
            f"{where}: label '{label.column}' is {datatype}; a {task} model {TASKS[task].learns}, "
            f"which are {' or '.join(TASKS[task].labels)}" + (f"; use {others}" if others else "")
        )
