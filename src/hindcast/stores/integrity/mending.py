"""Brings a copy of a table, and what the ledger says of it, to where both go on together.

A copy is made file by file, and in no order: log entries may be there before the files that they
name, and a ledger is copied by another way, to another moment.
"""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hindcast.errors import DamagedError
from hindcast.stores import folders, table_files
from hindcast.stores.folders import Folder
from hindcast.stores.integrity import damages
from hindcast.stores.integrity.checks import Integrity
from hindcast.stores.integrity.damages import DamagedFile
from hindcast.stores.ledger.lake_commits import Recorded
from hindcast.stores.ledger.lake_records import History, LakeCommit

_ENTRY = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\..*parquet")
_LAST = "_last_checkpoint"


@dataclass(frozen=True)
class Mended:
    """What became of a table's copy, which now has all of a version and nothing beyond it.

    lost: commits that the ledger has and the copy had not whole. added: the versions that the
    copy had whole and the ledger did not know; they stay. aside: files of the log that came without
    what they name.
    """

    table: str
    version: int
    lost: Sequence[LakeCommit]
    added: Sequence[int]
    aside: Sequence[str]

    @property
    def incomplete(self) -> list[int]:
        """The versions of entries that were set aside, and that the ledger did not know."""
        known = {each.version for each in self.lost}
        found = {int(entry[1]) for each in self.aside if (entry := _ENTRY.fullmatch(each))}
        return sorted(found - known)


def mend(integrity: Integrity, name: str, reason: str) -> Mended:
    """Cut a copy to its newest whole version, and let the ledger say the same; again is nothing.

    Raises DamagedError for what is no lag of a copy: a file or an entry that is changed.
    """
    recorded = integrity.commits().recorded(name)
    log = folders.opened(f"{integrity.root.rstrip('/')}/{name}/_delta_log")
    commits = recorded.commits if recorded else []
    missing = _missing_of_log(integrity, name, commits)
    _distrust_last_checkpoint(log)
    version = _newest_whole(integrity, name, log)
    known = [each for each in commits if each.version <= version]
    is_anew = any(each.commit.version <= version for each in missing)
    aside = [each for each in log.names() if _is_beyond(each, version)]
    for each in aside:
        log.set_aside(each)
    lost = [each for each in commits if each.version > version]
    added = range((recorded.history.version if recorded else -1) + 1, version + 1)
    if lost or is_anew:
        _check_files(integrity, name, known)
        integrity.recorder.adopt(name, reason)
    elif added:
        _take(integrity, name, recorded)
    return Mended(name, version, lost, added, aside)


def _take(integrity: Integrity, name: str, recorded: Recorded | None) -> None:
    table = integrity.recorder.open(name)
    assert table is not None, "it has a version"
    integrity.recorder.take(recorded.history if recorded else History(name, None, -1), table)


def _newest_whole(integrity: Integrity, name: str, log: Folder) -> int:
    """The newest version whose entries, and whose files, are all there; -1: none is."""
    entries = {int(found[1]) for each in log.names() if (found := _ENTRY.fullmatch(each))}
    version = 0
    while version in entries:
        version += 1
    version -= 1
    while version >= 0 and (missing := _missing(integrity, name, version)):
        version = _first_that_names(integrity, name, version, missing) - 1
    return version


def _missing(integrity: Integrity, name: str, version: int) -> set[str]:
    """The files of a version that are not there, or not in their size."""
    table = integrity.recorder.open(name, version)
    if table is None:
        raise DamagedError(f"{name}: version {version} cannot be opened; copy the table again")
    active = table_files.active(table)
    sizes = integrity.recorder.files(name).sizes(active)
    return {path for path, size in zip(active, sizes, strict=True) if size != active[path]}


def _first_that_names(
    integrity: Integrity, name: str, version: int, missing: Collection[str]
) -> int:
    """The first version that adds any of some files."""
    entries = integrity.recorder.files(name).entries(range(version + 1))
    return next(
        entry.version
        for entry in entries
        if entry is not None and any(file.path in missing for file in entry.added)
    )


def _missing_of_log(
    integrity: Integrity, name: str, commits: Sequence[LakeCommit]
) -> list[DamagedFile]:
    """Entries and checkpoints that are recorded and not there; what is changed is refused."""
    found = [*damages.in_log(integrity.recorder.files(name), commits, every_checkpoint=True)]
    for damage in found:
        if not damage.is_missing:
            raise DamagedError(f"{name}: {damage}; a copy that is only late has no such file")
    return found


def _check_files(integrity: Integrity, name: str, known: Sequence[LakeCommit]) -> None:
    """Before what is recorded of them no longer counts."""
    for damage in damages.in_files(integrity.recorder.files(name), known):
        if not damage.is_missing:  # Files that compaction replaced may come later.
            raise DamagedError(f"{name}: {damage}; a copy that is only late has no such file")


def _distrust_last_checkpoint(log: Folder) -> None:
    """Without it, a reader looks for itself which checkpoints there are."""
    names = set(log.names())
    if _LAST in names:
        said = int(json.loads(log.read(_LAST))["version"])
        if f"{said:020}.checkpoint.parquet" not in names or f"{said:020}.json" not in names:
            log.set_aside(_LAST)


def _is_beyond(name: str, version: int) -> bool:
    found = _ENTRY.fullmatch(name) or _CHECKPOINT.fullmatch(name)
    return found is not None and int(found[1]) > version
