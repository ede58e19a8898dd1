"""What the ledger has of the lake: a table's history, and its commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

# How a commit came to be recorded.
Origin = Literal["written", "recovered", "found", "adopted"]


@dataclass(frozen=True)
class History:
    """How far the commits of a table of the lake are recorded; version -1: none is.

    adoption: the number of the one that the history began with, if it began with one.
    """

    table: str
    adoption: int | None
    version: int


@dataclass(frozen=True)
class NewCommit:
    """A commit as it lies in the lake: digests of its log entry, checkpoint, and of each file.

    origin: written by this process, recovered of one that died before it could record it, found
    of a writer without a ledger, or adopted. state: a digest of the whole table at this version.
    files: path, size and digest of each file that the commit added.
    """

    version: int
    origin: Origin
    intent: str | None
    rows: int | None
    entry: str
    entry_size: int
    checkpoint: str | None
    state: str | None
    files: Sequence[tuple[str, int, str]]


@dataclass(frozen=True)
class LakeCommit:
    """A recorded commit, by which run of which kind where it was one's."""

    table: str
    adoption: int | None
    version: int
    origin: Origin
    rows: int | None
    entry: str
    entry_size: int
    checkpoint: str | None
    state: str | None
    files: Sequence[tuple[str, int, str]]
    recorded_at: datetime
    run_id: str | None
    kind: str | None
