"""What of a table's files is not as the ledger recorded it, each with the commit that wrote it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from hindcast.errors import DamagedError
from hindcast.stores.ledger.lake_records import LakeCommit
from hindcast.stores.table_files import TableFiles, checkpoint_path, entry_path

MISSING = "is missing"


@dataclass(frozen=True)
class DamagedFile:
    """What is wrong with a file of a table, and the commit that wrote it."""

    file: str
    what: str
    commit: LakeCommit

    @property
    def is_missing(self) -> bool:
        """Whether the file is not there at all."""
        return self.what == MISSING

    def __str__(self) -> str:
        by = f" by {self.commit.kind} {self.commit.run_id}" if self.commit.run_id else ""
        when = self.commit.recorded_at.isoformat(timespec="seconds")
        return f"{self.file} {self.what} (version {self.commit.version}, recorded {when}{by})"


def refusal(table: str, damage: object) -> DamagedError:
    """The error of one line that names a table, what is wrong, and the ways out."""
    return DamagedError(
        f"{table}: {damage}; restore it from a copy, or take the table as it is now with: "
        f"hindcast verify --adopt {table}"
    )


def in_log(
    files: TableFiles, commits: Sequence[LakeCommit], every_checkpoint: bool = False
) -> Iterator[DamagedFile]:
    """Log entries, and the newest checkpoint or each, that are missing or changed.

    commits: the newest first.
    """
    entries = [(entry_path(each.version), each.entry, each) for each in commits]
    points = [
        (checkpoint_path(each.version), each.checkpoint, each)
        for each in commits
        if each.checkpoint is not None
    ]
    wanted = [*entries, *(points if every_checkpoint else points[:1])]
    found = files.digests([path for path, _, _ in wanted])
    for (path, digest, commit), there in zip(wanted, found, strict=True):
        if there != digest:
            yield DamagedFile(path, _what(there), commit)


def in_files(
    files: TableFiles, commits: Sequence[LakeCommit], only: Collection[str] | None = None
) -> Iterator[DamagedFile]:
    """Files of commits whose bytes are missing or changed; only: those to look at."""
    wanted = [
        (path, digest, commit)
        for commit in commits
        for path, _, digest in commit.files
        if only is None or path in only
    ]
    found = files.digests([path for path, _, _ in wanted])
    for (path, digest, commit), there in zip(wanted, found, strict=True):
        if there != digest:
            yield DamagedFile(path, _what(there), commit)


def _what(there: str | None) -> str:
    return MISSING if there is None else "is changed"
