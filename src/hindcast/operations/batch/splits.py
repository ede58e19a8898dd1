"""Parts of a source that executors read one without another: some row groups of a file."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

# A task's answers are in memory once; fewer rows would be scored faster than Spark plans them.
SPLIT_ROWS = 500_000


@dataclass(frozen=True)
class RowSplit:
    """Row groups of a file, by their numbers, and how many rows they have; None: all of it."""

    file: str
    rows: int
    groups: tuple[int, ...] | None = None


@runtime_checkable
class SplitSource(Protocol):
    """A source whose rows lie in files that can be read one without another."""

    def splits(self) -> Iterable[RowSplit]:
        """Its parts, in the order of the rows; the same ones each time."""
        ...

    def only(self, split: RowSplit) -> None:
        """Read no other rows from now on."""
        ...


def cut(file: str, group_rows: Sequence[int]) -> Iterator[RowSplit]:
    """A file of row groups of so many rows, as parts of SPLIT_ROWS or of one larger group."""
    groups: list[int] = []
    rows = 0
    for group, held in enumerate(group_rows):
        if groups and rows + held > SPLIT_ROWS:
            yield RowSplit(file, rows, tuple(groups))
            groups, rows = [], 0
        groups.append(group)
        rows += held
    yield RowSplit(file, rows, tuple(groups))
