"""Run a batch: chunk by chunk from source to target, each once; a killed run goes on."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from hindcast.bootstrap import Application
from hindcast.errors import HindcastError, InputError, NotFoundError
from hindcast.operations.batch import registry
from hindcast.operations.batch.config import BatchFile
from hindcast.operations.batch.parts import (
    AS_OF,
    ERRORS,
    RELEASE,
    RUN,
    BatchModel,
    BatchSource,
    BatchTarget,
    PartContext,
    Refused,
    ScoredChunk,
)
from hindcast.stores.ledger import Run
from hindcast.telemetry import Progress, Silent, step

KIND = "batch"
# Of a run that goes on with another: the id that its chunks are written under.
RESUMES = "resumes"


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


@dataclass(frozen=True)
class OpenParts:
    """The opened parts of a batch."""

    model: BatchModel
    source: BatchSource
    target: BatchTarget

    @classmethod
    def open(cls, batch: BatchFile, context: PartContext) -> "OpenParts":
        """Open all three, nothing being read yet; raises what they raise, and InputError for a
        column that the model reads and the source lacks."""
        made = {kind: _made(batch, kind, context) for kind in ("model", "source", "target")}
        parts = cls(made["model"], made["source"], made["target"])
        _check_columns(parts, batch.config.data.keep)
        return parts

    @property
    def facts(self) -> dict[str, Any]:
        """Which data, model and target these are."""
        return {
            "model": dict(self.model.facts),
            "source": dict(self.source.facts),
            "target": dict(self.target.facts),
        }


def run_batch(
    application: Application,
    batch: BatchFile,
    run_id: str | None = None,
    progress: Progress | None = None,
) -> BatchReport:
    """Score everything that the source has, as a run of the ledger.

    run_id: what chunks are written under. One that was begun before goes on where it stopped, in
    a run of its own that says so; of one that is done the report is given again, and nothing
    written. Raises InputError for what is wrong with the batch, HindcastError where more rows have
    no answer than the batch allows.
    """
    earlier = _earlier(application, run_id)
    done = next((each for each in earlier if each.status == "succeeded"), None)
    if done is not None:
        return BatchReport(**done.outputs["report"])
    parameters = {
        "file": batch.name,
        "config": batch.config.model_dump(mode="json"),
        **({RESUMES: run_id} if earlier else {}),
    }
    with application.ledger.run(KIND, parameters, None if earlier else run_id) as run:
        context = _context(application, batch, run_id or run.id)
        parts = OpenParts.open(batch, context)
        run.inputs.update(parts.facts)
        with closing(parts.source), closing(parts.model), closing(parts.target):
            report = _Running(batch, context, parts, progress or Silent()).report()
        run.outputs["report"] = asdict(report)
        _check_share(report, batch.config.max_error_share)
        run.announce("PredictionsReady", report.run, _ready(report, parts, batch))
    return report


def _earlier(application: Application, run_id: str | None) -> list[Run]:
    """The run of that id and those that went on with it; raises InputError for another kind."""
    if run_id is None:
        return []
    try:
        found = application.ledger.find_run(run_id)
    except NotFoundError:
        return []
    if found.kind != KIND:
        raise InputError(f"run '{run_id}' is of kind {found.kind}; give another id, or none")
    others = application.ledger.runs(KIND, limit=None)
    return [found, *(run for run in others if run.parameters.get(RESUMES) == run_id)]


def _context(application: Application, batch: BatchFile, run: str) -> PartContext:
    config = batch.config
    clocks = (config.as_of, config.known_by)
    return PartContext(application, run, datetime.now(UTC), *clocks, config.chunk_rows)


def _made(batch: BatchFile, kind: registry.Kind, context: PartContext) -> Any:
    """A part by its class; whatever a user's own class raises is one line."""
    part = batch.config.part(kind)
    try:
        return registry.find(kind, part.type).make(batch.params[kind], context)
    except HindcastError:
        raise
    except Exception as error:
        raise InputError(f"{kind} {part.type}: {type(error).__name__}: {error}") from error


def _check_columns(parts: OpenParts, keep: list[str] | None) -> None:
    """Raise InputError for a column that is wanted and that the source has not."""
    held = list(parts.source.columns)
    wanted = {"the model reads": parts.model.reads, "data.keep names": keep or ()}
    for who, columns in wanted.items():
        if missing := [name for name in columns if name not in held]:
            close = registry.meant(missing[0], held)
            raise InputError(
                f"data.source: {who} column '{missing[0]}', and the source has "
                f"{', '.join(held)}{close}"
            )


class _Running:
    """One batch under way."""

    def __init__(
        self, batch: BatchFile, context: PartContext, parts: OpenParts, progress: Progress
    ) -> None:
        self._batch, self._context, self._parts, self._progress = batch, context, parts, progress
        self._rows = self._errors = self._chunks = 0

    def report(self) -> BatchReport:
        done = self._resumed_at()
        with step(self._progress, f"score with {self._parts.model.name}"):
            for chunk, rows in enumerate(self._parts.source.tables(self._context.chunk_rows)):
                self._one(chunk, rows, done)
            self._last(done)
            self._parts.target.finish()
        return BatchReport(
            run=self._context.run,
            model=self._parts.model.name,
            target=dict(self._parts.target.facts),
            rows=self._rows,
            scored=self._rows - self._errors,
            errors=self._errors,
            chunks=self._chunks,
            resumed_at=done,
        )

    def _resumed_at(self) -> int:
        """How many chunks need not be written; raises InputError where that cannot be trusted."""
        done = self._parts.target.written()
        if done and not self._parts.source.is_repeatable:
            raise InputError(
                f"run {self._context.run} has written {done} chunks, and its source may give other "
                "rows this time (a query without ORDER BY does); start a run of another id"
            )
        return done

    def _one(self, chunk: int, rows: pa.Table, done: int) -> None:
        # ScoredChunk again where it is written already: what could not be scored is to be counted.
        scored = self._parts.model.score(rows)
        refused = [self._placed(each, rows) for each in scored.refused]
        if chunk >= done:
            self._write(chunk, self._answers(scored), refused)
        self._rows += rows.num_rows
        self._errors += len(refused)
        self._chunks += 1
        self._progress.advance(rows.num_rows)

    def _last(self, done: int) -> None:
        """What was no row at all, as the errors of a chunk without any answer."""
        torn = list(self._parts.source.refused)
        if (torn or not self._chunks) and self._chunks >= done:
            nothing = self._parts.model.score(self._empty())
            self._write(self._chunks, self._answers(nothing), torn)
        self._chunks += bool(torn or not self._chunks)
        self._rows += len(torn)
        self._errors += len(torn)

    def _empty(self) -> pa.Table:
        return pa.table({name: pa.array([], pa.string()) for name in self._parts.source.columns})

    def _write(self, chunk: int, answers: pa.Table, refused: list[Refused]) -> None:
        self._parts.target.write(chunk, answers, _errors(refused, self._context.run))

    def _answers(self, scored: ScoredChunk) -> pa.Table:
        """The kept columns, the answer's, then which release answered, as of when, in which run."""
        table, keep = scored.answers, self._kept()
        asked = set(self._parts.source.columns) - set(keep)
        chosen = [n for n in table.column_names if n not in asked and n not in (*keep, AS_OF)]
        columns = {name: table[name] for name in (*keep, *chosen)}
        none = pa.nulls(table.num_rows, pa.timestamp("us", tz="UTC"))
        return pa.table(
            {
                **columns,
                RELEASE: pa.repeat(self._parts.model.name, table.num_rows),
                AS_OF: table[AS_OF] if AS_OF in table.column_names else none,
                RUN: pa.repeat(self._context.run, table.num_rows),
            }
        )

    def _kept(self) -> list[str]:
        keep = self._batch.config.data.keep
        return list(
            keep if keep is not None else self._parts.model.keys or self._parts.source.columns
        )

    def _placed(self, refused: Refused, rows: pa.Table) -> Refused:
        """A refusal with its place among all rows, and the keys of the row."""
        assert refused.place is not None
        keys = {n: rows[n][refused.place].as_py() for n in self._kept() if n in rows.column_names}
        return Refused(self._rows + refused.place, refused.reason, keys)


def _errors(refused: list[Refused], run: str) -> pa.Table:
    rows = [
        {RUN: run, "row": each.place, "keys": _json(each.keys), "reason": each.reason}
        for each in refused
    ]
    return pa.Table.from_pylist(rows, ERRORS)


def _json(keys: Mapping[str, Any]) -> str:

    return json.dumps(dict(keys), default=str)


def _check_share(report: BatchReport, most: float) -> None:
    """Raise HindcastError where more rows have no answer than may."""
    share = report.errors / report.rows if report.rows else 0.0
    if share > most:
        raise HindcastError(
            f"run {report.run}: {report.errors} of {report.rows} rows have no answer, which is "
            f"{share:.2%}; max_error_share is {most:.2%}; they are in the target's errors with the "
            "reason"
        )


def _ready(report: BatchReport, parts: OpenParts, batch: BatchFile) -> dict[str, Any]:
    """What PredictionsReady says."""
    as_of = batch.config.as_of
    return {
        "run": report.run,
        "model": parts.model.facts.get("model", report.model),
        "release": parts.model.facts.get("release"),
        "target": str(next(iter(report.target.values()), "")),
        "rows": report.scored,
        "errors": report.errors,
        "as_of": as_of.isoformat() if as_of else None,
    }
