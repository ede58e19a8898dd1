"""Run a batch: chunk by chunk from source to target, each once; a killed run goes on."""

import re
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from hindcast.bootstrap import Application
from hindcast.errors import HindcastError, InputError, NotFoundError
from hindcast.operations.batch.chunks import BatchReport, Chunks
from hindcast.operations.batch.config import BatchFile
from hindcast.operations.batch.opened import OpenParts
from hindcast.operations.batch.parts import PartContext
from hindcast.stores.ledger import Run, documents
from hindcast.telemetry import Progress, Silent

KIND = "batch"
# Of a run that goes on with another: the id that its chunks are written under.
RESUMES = "resumes"
# With what a run was begun: its instant, and the facts of its parts.
BEGUN = "begun"


def run_batch(
    application: Application,
    batch: BatchFile,
    run_id: str | None = None,
    progress: Progress | None = None,
) -> BatchReport:
    """Score everything that the source has, as a run of the ledger.

    run_id: what chunks are written under. One that was begun before goes on where it stopped, in
    a run of its own that says so, by the data, model and instant that it was begun with; of one
    that is done the report is given again, and nothing written. Raises InputError for what is wrong
    with the batch, HindcastError where more rows have no answer than the batch allows.
    """
    given = application.settings.run_id
    id = _checked(run_id or given or _new_id())
    earlier = _earlier(application, id)
    done = next((each for each in earlier if each.status == "succeeded"), None)
    if done is not None:
        return BatchReport(**done.outputs["report"])
    begun = _begun(id, batch, earlier)
    context = _context(application, batch, id, begun)
    parameters = {
        "file": batch.name,
        "config": batch.config.model_dump(mode="json"),
        **({RESUMES: id} if earlier else {}),
    }
    # A run that goes on with another has an id of its own.
    new_id = (given if given not in (None, id) else _new_id()) if earlier else id
    try:
        parts = OpenParts.open(batch, context)
    except HindcastError:
        with application.ledger.run(KIND, parameters, new_id):
            raise
    parameters[BEGUN] = {"now": context.now, "facts": parts.facts}
    with (
        closing(parts),
        application.ledger.run(KIND, documents.document(parameters), new_id) as run,
    ):
        run.inputs.update(parts.facts)
        report = _report(batch, context, parts, progress or Silent())
        run.outputs["report"] = asdict(report)
        _check_share(report, batch.config.max_error_share)
        run.announce("PredictionsReady", report.run, _ready(report, parts, batch))
    return report


def _report(
    batch: BatchFile, context: PartContext, parts: OpenParts, progress: Progress
) -> BatchReport:
    """Score on the engine that the batch names; Spark's libraries are imported for it alone."""
    if batch.config.engine == "spark":
        from hindcast.operations.batch import on_spark

        return on_spark.report(batch, context, parts, progress)
    return Chunks(batch, context, parts, progress).report()


def _new_id() -> str:
    return uuid.uuid4().hex[:12]


def _checked(id: str) -> str:
    """The id, which names a folder of the lake; raises InputError for one that may not."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", id):
        raise InputError(f"run id '{id}': use letters, digits, points, hyphens and underscores")
    return id


def _earlier(application: Application, run_id: str) -> list[Run]:
    """The run of that id and those that went on with it; raises InputError for another kind."""
    try:
        found = application.ledger.find_run(run_id)
    except NotFoundError:
        return []
    if found.kind != KIND:
        raise InputError(f"run '{run_id}' is of kind {found.kind}; give another id, or none")
    others = application.ledger.runs(KIND, limit=None)
    return [found, *(run for run in others if run.parameters.get(RESUMES) == run_id)]


def _begun(id: str, batch: BatchFile, earlier: Sequence[Run]) -> Mapping[str, Any]:
    """What the run was begun with; raises InputError where that was another batch."""
    begun = next((each.parameters for each in earlier if BEGUN in each.parameters), None)
    if begun is None:
        return {}
    now = documents.document(batch.config.model_dump(mode="json"))
    changed = [name for name in now if begun["config"].get(name) != now[name]]
    if set(changed) - {"max_error_share"}:
        raise InputError(
            f"{batch.name}: run '{id}' was begun with another {changed[0]}; give another id"
        )
    found: Mapping[str, Any] = begun[BEGUN]
    return found


def _context(
    application: Application, batch: BatchFile, id: str, begun: Mapping[str, Any]
) -> PartContext:
    config = batch.config
    now = datetime.fromisoformat(begun["now"]) if begun else datetime.now(UTC)
    clocks = (now, config.as_of, config.known_by)
    return PartContext(application, id, *clocks, config.chunk_rows, begun.get("facts", {}))


def _check_share(report: BatchReport, most: float) -> None:
    """Raise HindcastError where more rows have no answer than may."""
    if report.error_share > most:
        raise HindcastError(
            f"run {report.run}: {report.errors} of {report.rows} rows have no answer, which is "
            f"{report.error_share:.2%}; max_error_share is {most:.2%}; the target has them with "
            "the reasons, and no answers of this run"
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
