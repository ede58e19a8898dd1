"""The chunks of a batch: each scored, and written once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from hindcast.operations.batch.config import BatchFile
from hindcast.operations.batch.opened import OpenParts
from hindcast.operations.batch.parts import (
    AS_OF,
    CLOCKS,
    ERRORS,
    RELEASE,
    RUN,
    PartContext,
    Refused,
    ScoredChunk,
)
from hindcast.telemetry import Progress, step


@dataclass(frozen=True)
class BatchReport:
    """What became of a batch: rows = scored + errors, of what this run and those before it read."""

    run: str
    model: str
    target: Mapping[str, Any]
    rows: int
    scored: int
    errors: int
    chunks: int
    resumed_at: int

    @property
    def error_share(self) -> float:
        """Of all rows, how many have no answer."""
        return self.errors / self.rows if self.rows else 0.0


class Chunks:
    """One batch under way."""

    def __init__(
        self,
        batch: BatchFile,
        context: PartContext,
        parts: OpenParts,
        progress: Progress,
        first_row: int = 0,
    ) -> None:
        """first_row: the place of the source's first row among all rows of the batch."""
        self._first_row = first_row
        self._batch, self._context, self._parts, self._progress = batch, context, parts, progress
        self._kept = parts.kept(batch.config.data.keep)
        # Others do not reach the model, and may have the names of its answers.
        asked = {*self._kept, *parts.model.reads, *CLOCKS}
        self._asked = [name for name in parts.source.columns if name in asked]
        self._rows = self._errors = self._chunks = 0

    def report(self) -> BatchReport:
        """Score and write each chunk that is not there yet, and finish the target."""
        target, there = self._parts.target, self._there()
        with step(self._progress, f"score with {self._parts.model.name}"):
            tables = self._parts.source.tables(self._context.chunk_rows)
            for chunk, rows in enumerate(table.select(self._asked) for table in tables):
                is_there = chunk < len(there)
                self._count(rows.num_rows, there[chunk] if is_there else self._one(chunk, rows))
            self._last(len(there))
            report = self._report(len(there))
            target.finish(report.error_share <= self._batch.config.max_error_share)
        return report

    def _report(self, resumed_at: int) -> BatchReport:
        return BatchReport(
            run=self._context.run,
            model=self._parts.model.name,
            target=dict(self._parts.target.facts),
            rows=self._rows,
            scored=self._rows - self._errors,
            errors=self._errors,
            chunks=self._chunks,
            resumed_at=resumed_at,
        )

    def _there(self) -> Sequence[int]:
        """The errors of each chunk that need not be written."""
        there = self._parts.target.written()
        if there and not self._parts.source.is_repeatable:
            self._parts.target.forget()
            return ()
        return there

    def _one(self, chunk: int, rows: pa.Table) -> int:
        """Score and write a chunk; how many of its rows have no answer."""
        scored = self._parts.model.score(rows)
        refused = [self._placed(each, rows) for each in scored.refused]
        self._write(chunk, self._answers(scored), refused)
        return len(refused)

    def _count(self, rows: int, errors: int) -> None:
        self._rows += rows
        self._errors += errors
        self._chunks += 1
        self._progress.advance(rows)

    def _last(self, there: int) -> None:
        """What was no row at all, as the errors of a chunk without any answer."""
        torn = list(self._parts.source.refused)
        if self._chunks and not torn:
            return
        if self._chunks >= there:
            nothing = self._parts.model.score(self._empty())
            self._write(self._chunks, self._answers(nothing), torn)
        self._count(len(torn), len(torn))

    def _empty(self) -> pa.Table:
        return pa.table({name: pa.array([], pa.string()) for name in self._asked})

    def _write(self, chunk: int, answers: pa.Table, refused: list[Refused]) -> None:
        self._parts.target.write(chunk, answers, _errors(refused, self._context.run))

    def _answers(self, scored: ScoredChunk) -> pa.Table:
        """The kept columns, the answer's, then which release answered, as of when, in which run."""
        table = scored.answers
        answered = [name for name in table.column_names if name not in (*self._asked, AS_OF)]
        columns = {name: table[name] for name in (*self._kept, *answered)}
        none = pa.nulls(table.num_rows, pa.timestamp("us", tz="UTC"))
        return pa.table(
            {
                **columns,
                RELEASE: pa.repeat(self._parts.model.name, table.num_rows),
                AS_OF: table[AS_OF] if AS_OF in table.column_names else none,
                RUN: pa.repeat(self._context.run, table.num_rows),
            }
        )

    def _placed(self, refused: Refused, rows: pa.Table) -> Refused:
        """A refusal with its place among all rows, and the keys of the row."""
        assert refused.place is not None
        keys = {n: rows[n][refused.place].as_py() for n in self._kept}
        return Refused(self._first_row + self._rows + refused.place, refused.reason, keys)


def _errors(refused: list[Refused], run: str) -> pa.Table:
    rows = [
        {
            RUN: run,
            "row": each.place,
            "keys": json.dumps(dict(each.keys), default=str),
            "reason": each.reason,
        }
        for each in refused
    ]
    return pa.Table.from_pylist(rows, ERRORS)
