"""What a batch is made of: a source of rows, a model that scores them, a target for the answers.

A user's own class is one of these; it is made with its `params` and a PartContext.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa

from hindcast import names
from hindcast.bootstrap import Application

# Columns beside the keys and the answer in every target.
RELEASE, AS_OF, RUN = "release", "as_of", "run"
# Columns of rows that say of which instant they are, and what they know.
INSTANTS = (names.AS_OF, names.EVENT_TIMESTAMP)
CLOCKS = (*INSTANTS, names.KNOWN_BY)
# The columns of rows that could not be scored.
ERRORS = pa.schema(
    [("run", pa.string()), ("row", pa.int64()), ("keys", pa.string()), ("reason", pa.string())]
)


@dataclass(frozen=True)
class PartContext:
    """What a part may know of its batch.

    as_of: the instant that features and the release are of; None is now, by the online store.
    chunk_rows: how many rows are scored and written together. begun: where the run was begun
    before, the facts of its parts by kind, which are to be what they were.
    """

    application: Application
    run: str
    now: datetime
    as_of: datetime | None
    known_by: datetime | None
    chunk_rows: int
    begun: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """A row that has no answer: its place among the source's rows from 0, and why.

    place: None of what was no row at all, such as a torn line.
    """

    place: int | None
    reason: str
    keys: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoredChunk:
    """What became of a chunk: answers, and the rows without one by their places in the chunk.

    answers: the kept columns, then those of the answer; in the order of the rows.
    """

    answers: pa.Table
    refused: Sequence[Refused] = ()


class BatchSource(Protocol):
    """Rows in an order that is the same each time, where it is repeatable.

    columns: what the rows have, known before they are read. facts: which data these are, such as a
    version or a digest, for the ledger. is_repeatable: whether reading again gives the same rows
    in the same order, without which a killed run begins anew. refused: what was no row,
    known once all is read.
    """

    columns: Sequence[str]
    facts: Mapping[str, Any]
    is_repeatable: bool
    refused: Sequence[Refused]

    def tables(self, rows: int) -> Iterator[pa.Table]:
        """Tables of so many rows, the last of fewer."""
        ...

    def close(self) -> None:
        """Give up what is open."""
        ...


class BatchModel(Protocol):
    """Scores rows.

    name: the release or digest that answers. reads: columns that the rows must have. keys: those
    that are kept beside the answers; none: all. facts: for the ledger.
    """

    name: str
    reads: Sequence[str]
    keys: Sequence[str]
    facts: Mapping[str, Any]

    def score(self, rows: pa.Table) -> ScoredChunk:
        """The answers for rows that have the columns in reads."""
        ...

    def close(self) -> None:
        """Give up what is open."""
        ...


class BatchTarget(Protocol):
    """Keeps answers, each chunk of a run once.

    facts: where they are, for the ledger.
    """

    facts: Mapping[str, Any]

    def written(self) -> Sequence[int]:
        """How many errors each chunk of the run has that is there already, from the first on."""
        ...

    def write(self, chunk: int, answers: pa.Table, errors: pa.Table) -> None:
        """Keep a chunk, from 0 on; the same one again changes nothing. errors: as ERRORS."""
        ...

    def forget(self) -> None:
        """Forget the chunks of the run, as its source may give other rows this time."""
        ...

    def finish(self, is_accepted: bool) -> None:
        """All chunks are written; where too many rows have no answer, show the errors alone."""
        ...

    def close(self) -> None:
        """Give up what is open."""
        ...
