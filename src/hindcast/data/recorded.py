"""Ingest and materialize as every entry point runs them: each a run in the ledger."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hindcast import bootstrap, names
from hindcast.bootstrap import Application
from hindcast.data.ingest import IngestReport
from hindcast.data.ingest import ingest as add
from hindcast.data.materialize import MaterializeReport
from hindcast.data.materialize import materialize as compute
from hindcast.formats import objects
from hindcast.telemetry import Progress

if TYPE_CHECKING:
    from hindcast.stores.online.versions import OnlineVersion


def ingest(
    application: Application,
    file: str | Path,
    source: str | None,
    now: datetime,
    progress: Progress | None = None,
    version: str | None = None,
) -> IngestReport:
    """Add a file, or an object on S3, to the lake; raises what ingest.ingest raises."""
    declared, name = application.project.source(source), objects.name_of(file)
    parameters = {"source": declared.name, "file": name}
    with application.ledger.run("ingest", parameters) as run:
        report = add(file, declared, application.lake, now, progress, version)
        run.inputs["file"] = {"name": name, "digest": report.digest}
        run.outputs.update(asdict(report))
        run.outputs.pop("reasons")  # They quote values of rows; quarantine keeps them.
    return report


def materialize(
    application: Application,
    view: str | None,
    engine: str,
    as_of: str | None,
    known_by: str | None,
    now: datetime,
    *,
    force: bool = False,
    progress: Progress | None = None,
) -> MaterializeReport:
    """Compute a view into the lake and the online store; raises what materialize raises.

    The run's id in the ledger is the materialization's, so that an answer leads to what was known.
    """
    compiled = application.project.view(view)
    clocks = bootstrap.knowledge(as_of, known_by, now)
    parameters = {"view": compiled.view.name, "engine": engine, **asdict(clocks)}
    with application.ledger.run("materialize", parameters) as run:
        report = compute(
            compiled, bootstrap.engine(engine), application.lake, application.store, clocks,
            run_id=run.id, force=force, progress=progress,
        )  # fmt: skip
        run.inputs[f"{names.RAW}/{compiled.view.source.name}"] = {"version": report.raw_version}
        run.outputs.update(asdict(report))
    return report


def roll_back_online(application: Application, view: str | None) -> "OnlineVersion":
    """Serve the version of a view before the current one; raises what OnlineStore.rollback does."""
    name = application.project.view(view).view.name
    with application.ledger.run("materialize", {"view": name, "rollback": True}) as run:
        version = application.store.rollback(name)
        run.outputs.update(run_id=version.run_id, swap=version.swap)
    return version
