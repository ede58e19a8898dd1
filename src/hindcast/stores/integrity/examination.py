"""Examine a table whole: what of its log and files is damaged, and by whom it was written."""

from collections.abc import Sequence
from dataclasses import dataclass

from hindcast.errors import DamagedError
from hindcast.stores.integrity import damages
from hindcast.stores.integrity.checks import BEFORE, Integrity
from hindcast.stores.integrity.damages import DamagedFile


@dataclass(frozen=True)
class TableReport:
    """A table of the lake: how many commits, files and bytes are recorded, and what is damaged.

    Files that a vacuum removed are not among them. recovered: commits whose process died before it
    had recorded them, so that their files were read later. unverified: why the table is not known,
    if it is not.
    """

    table: str
    version: int
    commits: int = 0
    files: int = 0
    bytes: int = 0
    recovered: int = 0
    damages: Sequence[DamagedFile | str] = ()
    unverified: str | None = None


def examine(integrity: Integrity, name: str) -> TableReport | None:
    """What a table is; None where there is none and nothing is recorded of one."""
    recorded = integrity.commits().recorded(name)
    if recorded is None:
        table = integrity.recorder.open(name)
        return None if table is None else TableReport(name, table.version(), unverified=BEFORE)
    commits, files = recorded.commits, integrity.recorder.files(name)
    found: list[DamagedFile | str] = [*damages.in_log(files, commits, every_checkpoint=True)]
    gone = integrity.commits().removed(name)
    there = [file for each in commits for file in each.files if file[0] not in gone]
    found += damages.in_files(files, commits, {path for path, _, _ in there})
    return TableReport(
        name,
        recorded.history.version,
        commits=len(commits),
        files=len(there),
        bytes=sum(size for _, size, _ in there),
        recovered=sum(each.origin == "recovered" for each in commits),
        damages=tuple(found) or _of_use(integrity, name),
    )


def _of_use(integrity: Integrity, name: str) -> tuple[str, ...]:
    """What a command that used the table would be refused for."""
    try:
        recorded, table = integrity.known(name), integrity.recorder.open(name)
        if table is not None:
            integrity.check(name, table, recorded)
    except DamagedError as error:
        return (str(error),)
    return ()
