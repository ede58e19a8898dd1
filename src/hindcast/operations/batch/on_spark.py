"""A batch on Spark: executors score parts of the source, one commit shows all of them."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from hindcast import project
from hindcast.bootstrap import Application
from hindcast.engines.spark import deltafiles
from hindcast.engines.spark.executors import run_tasks
from hindcast.errors import HindcastError, InputError
from hindcast.operations.batch.chunks import BatchReport, Chunks
from hindcast.operations.batch.config import BatchFile
from hindcast.operations.batch.opened import OpenParts, made
from hindcast.operations.batch.parts import BatchModel, PartContext
from hindcast.operations.batch.splits import RowSplit, SplitSource
from hindcast.operations.batch.targets.delta import DeltaTarget, errors_name
from hindcast.operations.batch.targets.parquet import FilesTarget, errors_of, footer, path_of
from hindcast.settings import Settings
from hindcast.stores.ledger import documents
from hindcast.stores.table_files import filesystem
from hindcast.telemetry import Progress, Silent, step

Counts = dict[str, int]


@dataclass(frozen=True)
class SplitTask:
    """One part of the source: its place among them, and that of its first row among all rows."""

    number: int
    split: RowSplit
    first_row: int


def report(
    batch: BatchFile, context: PartContext, parts: OpenParts, progress: Progress
) -> BatchReport:
    """Score every part; those that a killed run has scored are not scored again.

    Raises InputError for a source or target that only one machine can have.
    """
    source, target, uri = _of_spark(parts)
    splits, run = list(source.splits()), context.run
    starts = accumulate((each.rows for each in splits), initial=0)
    tasks = [SplitTask(i, *each) for i, each in enumerate(zip(splits, starts, strict=False))]
    with step(progress, f"score with {parts.model.name} on Spark"):
        work = partial(_scored, batch, *_sent(context, parts), uri)
        done = [json.loads(each) for each in run_tasks(tasks, work)]
        if failed := next((each["failed"] for each in done if "failed" in each), None):
            raise HindcastError(failed)
        rows, errors = (sum(each[name] for each in done) for name in ("rows", "errors"))
        found = BatchReport(
            run=run,
            model=parts.model.name,
            target=dict(parts.target.facts),
            rows=rows,
            scored=rows - errors,
            errors=errors,
            chunks=len(done),
            resumed_at=sum(each["is_there"] for each in done),
        )
        _commit(target, run, len(tasks), found.error_share <= batch.config.max_error_share)
    return found


def _of_spark(parts: OpenParts) -> tuple[SplitSource, DeltaTarget, str]:
    """The source, the target, and the address of its table."""
    if not isinstance(parts.source, SplitSource):
        raise InputError("data.source: engine spark reads files and Delta tables; use one of them")
    if not isinstance(parts.target, DeltaTarget):
        raise InputError("data.target: engine spark writes Delta tables; use type delta")
    uri = str(parts.target.facts["table"])
    if "://" not in uri:
        uri = str(Path(uri).absolute())
        for table in (uri, errors_of(uri)):
            Path(table).mkdir(parents=True, exist_ok=True)
    return parts.source, parts.target, uri


def _sent(context: PartContext, parts: OpenParts) -> tuple[Settings, dict[str, Any]]:
    """What executors need to make the context anew: the model and data are those opened here."""
    places = context.application.settings
    if not (places.database_url or places.database_secret):  # The embedded one, which runs.
        places = replace(places, database_url=context.application.database_url)
    names = ("run", "now", "as_of", "known_by", "chunk_rows")
    fields = {name: getattr(context, name) for name in names}
    return places, {**fields, "begun": documents.document(parts.facts)}


def _scored(
    batch: BatchFile,
    places: Settings,
    fields: Mapping[str, Any],
    uri: str,
    tasks: Sequence[SplitTask],
) -> list[str]:
    """What an executor does with some tasks, by one model; a known error comes back as its line."""
    try:
        application = Application(places, project.load(places.project))
        context = PartContext(application=application, **fields)
        there = {task: _there(context, task, uri) for task in tasks}
        done = [counts for counts in there.values() if counts]
        if left := [task for task in tasks if not there[task]]:
            with closing(made(batch, "model", context)) as model:
                done += [_split(batch, context, model, task, uri) for task in left]
        return [json.dumps(counts) for counts in done]
    except HindcastError as error:
        return [json.dumps({"failed": str(error)})]


def _there(context: PartContext, task: SplitTask, uri: str) -> Counts | None:
    """How many rows and errors are written of a task already; None where it is not done."""
    with closing(FilesTarget(uri, context.run, task.number)) as target:
        counts = target.rows()
    if counts is None or sum(counts) != task.split.rows:
        return None
    return {"rows": sum(counts), "errors": counts[1], "is_there": True}


def _split(
    batch: BatchFile, context: PartContext, model: BatchModel, task: SplitTask, uri: str
) -> Counts:
    """Score a part into Parquet files; how many rows it has, and how many without an answer."""
    target = FilesTarget(uri, context.run, task.number)
    parts = OpenParts(model, made(batch, "source", context), target)
    with closing(target), closing(parts.source):
        assert isinstance(parts.source, SplitSource), "the driver looked"
        parts.source.only(task.split)
        found = Chunks(batch, context, parts, Silent(), task.first_row).report()
    return {"rows": found.rows, "errors": found.errors, "is_there": False}


def _commit(target: DeltaTarget, run: str, count: int, is_accepted: bool) -> None:
    """Show the errors, and the answers where they are accepted; else a run may go on with them."""
    paths = [path_of(run, number) for number in range(count)]
    for name in (errors_name(target.name), *([target.name] if is_accepted else [])):
        files = filesystem(target.lake.uri(*name))
        schema = footer(files, paths[0]).schema.to_arrow_schema()
        deltafiles.append_once(target.lake, name, paths, schema, f"batch {run}")
