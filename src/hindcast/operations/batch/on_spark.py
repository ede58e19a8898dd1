"""A batch on Spark: executors score a file of the source each, one commit shows all of them."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from hindcast import project
from hindcast.bootstrap import Application
from hindcast.engines.spark import deltafiles
from hindcast.engines.spark.executors import run_tasks
from hindcast.errors import HindcastError, InputError
from hindcast.operations.batch.chunks import BatchReport, Chunks
from hindcast.operations.batch.config import BatchFile
from hindcast.operations.batch.opened import OpenParts, made
from hindcast.operations.batch.parts import PartContext
from hindcast.operations.batch.targets.delta import DeltaTarget
from hindcast.operations.batch.targets.parquet import FilesTarget, errors_of, footer, path_of
from hindcast.settings import Settings
from hindcast.stores.ledger import documents
from hindcast.telemetry import Progress, Silent, step


@runtime_checkable
class SplitSource(Protocol):
    """A source whose rows lie in files that can be read one without another."""

    def files(self) -> Mapping[str, int]:
        """Each file, in the order of the rows, with how many it has."""
        ...

    def only(self, file: str) -> None:
        """Read no other file from now on."""
        ...


@dataclass(frozen=True)
class SplitTask:
    """One file: its place among them, and that of its first row among all rows."""

    number: int
    file: str
    first_row: int


def report(
    batch: BatchFile, context: PartContext, parts: OpenParts, progress: Progress
) -> BatchReport:
    """Score every file; those that a killed run has scored are not scored again.

    Raises InputError for a source or target that only one machine can have.
    """
    source, uri = _of_spark(parts)
    files, run = source.files(), context.run
    starts = accumulate(files.values(), initial=0)
    tasks = [SplitTask(i, *each) for i, each in enumerate(zip(files, starts, strict=False))]
    with step(progress, f"score with {parts.model.name} on Spark"):
        work = partial(_scored, batch, *_sent(context, parts), uri)
        done = [json.loads(each) for each in run_tasks([_text(task) for task in tasks], work)]
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
        _commit(uri, run, len(tasks), found.error_share <= batch.config.max_error_share)
    return found


def _of_spark(parts: OpenParts) -> tuple[SplitSource, str]:
    """The source, and the address of the target's table."""
    if not isinstance(parts.source, SplitSource):
        raise InputError("data.source: engine spark reads files and Delta tables; use one of them")
    if not isinstance(parts.target, DeltaTarget):
        raise InputError("data.target: engine spark writes Delta tables; use type delta")
    uri = str(parts.target.facts["table"])
    if "://" not in uri:
        uri = str(Path(uri).absolute())
        for table in (uri, errors_of(uri)):
            Path(table).mkdir(parents=True, exist_ok=True)
    return parts.source, uri


def _sent(context: PartContext, parts: OpenParts) -> tuple[Settings, dict[str, Any]]:
    """What executors need to make the context anew: the model and data are those opened here."""
    places = context.application.settings
    if not (places.database_url or places.database_secret):  # The embedded one, which runs.
        places = replace(places, database_url=context.application.database_url)
    names = ("run", "now", "as_of", "known_by", "chunk_rows")
    fields = {name: getattr(context, name) for name in names}
    return places, {**fields, "begun": documents.document(parts.facts)}


def _text(task: SplitTask) -> str:
    return json.dumps(asdict(task))


def _scored(
    batch: BatchFile, places: Settings, fields: Mapping[str, Any], uri: str, text: str
) -> str:
    """What an executor does with a task; a known error comes back as its line."""
    task = SplitTask(**json.loads(text))
    try:
        application = Application(places, project.load(places.project))
        context = PartContext(application=application, **fields)
        return json.dumps(_split(batch, context, task, uri))
    except HindcastError as error:
        return json.dumps({"failed": str(error)})


def _split(batch: BatchFile, context: PartContext, task: SplitTask, uri: str) -> dict[str, Any]:
    """Score one file into Parquet files; how many rows it has, and how many without an answer."""
    target = FilesTarget(uri, context.run, task.number)
    if (there := target.rows()) is not None:
        return {"rows": sum(there), "errors": there[1], "is_there": True}
    parts = OpenParts(made(batch, "model", context), made(batch, "source", context), target)
    with closing(parts):
        assert isinstance(parts.source, SplitSource), "the driver looked"
        parts.source.only(task.file)
        found = Chunks(batch, context, parts, Silent(), task.first_row).report()
    return {"rows": found.rows, "errors": found.errors, "is_there": False}


def _commit(uri: str, run: str, count: int, is_accepted: bool) -> None:
    """Show the errors, and the answers where they are accepted; else a run may go on with them."""
    paths = [path_of(run, number) for number in range(count)]
    for table in (errors_of(uri), *([uri] if is_accepted else [])):
        files = deltafiles.filesystem(table)
        schema = footer(files, paths[0]).schema.to_arrow_schema()
        deltafiles.append_once(table, files, paths, schema, f"batch {run}")
