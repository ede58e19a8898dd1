"""Commands about data: from files to features and training sets."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hindcast import bootstrap
from hindcast.cli import console
from hindcast.cli.app import app
from hindcast.cli.console import ConsoleProgress
from hindcast.cli.options import (
    AsOfOption,
    EngineOption,
    HomeOption,
    JsonOption,
    KnownByOption,
    ModelOption,
    ProjectOption,
    ServiceOption,
    ViewOption,
    knowledge,
    now,
    show_all,
    working,
)
from hindcast.errors import HindcastError, InputError
from hindcast.project import Project
from hindcast.telemetry import step

if TYPE_CHECKING:
    from hindcast.compiler.service import CompiledService


@app.command()
def ingest(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Files of CSV, JSON lines or Parquet, folders or patterns of them, also on S3: "
            "s3://bucket/events.csv."
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option(help="Default: the only one, or the one that a file is named after."),
    ] = None,
    force: Annotated[
        bool, typer.Option(help="Add files even if most of their rows are bad.")
    ] = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add files to the lake. Bad rows go to quarantine with the reason."""
    from hindcast.data.ingest import ingest as use_case
    from hindcast.operations.incoming import sourced

    application, progress = working(home, project), ConsoleProgress()
    lake, ledger, reports = application.lake, application.ledger, []
    found = sourced(application.project, files, source)
    try:
        for file, own in found:
            reports.append(use_case(file, own, lake, ledger, now(), progress, force=force))
    except HindcastError:
        # The files before it are in.
        if reports:
            show_all(reports, as_json)
        raise
    show_all(reports, as_json)


@app.command()
def retract(
    key: Annotated[
        list[str], typer.Option(help="The key whose events are withdrawn; once per column.")
    ],
    reason: Annotated[str, typer.Option(help="Why; kept with each withdrawal.")],
    source: Annotated[str | None, typer.Option(help="Default: the only source.")] = None,
    timestamp: Annotated[str | None, typer.Option(help="Only those of this instant.")] = None,
    tiebreaker: Annotated[
        str | None, typer.Option(help="Only the event of this tiebreaker.")
    ] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Withdraw accepted events. They stay known to questions about earlier knowledge."""
    from hindcast.data.retract import Withdrawal
    from hindcast.data.retract import retract as use_case

    application = working(home, project)
    declared = application.project.source(source)
    asked = Withdrawal(tuple(key), reason, timestamp, tiebreaker)
    console.show(use_case(declared, application.lake, application.ledger, asked, now()), as_json)


@app.command()
def quarantine(
    source: Annotated[str | None, typer.Option(help="Default: every source.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only reasons with this text.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="A file for the rows: CSV, JSON lines or Parquet.")
    ] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show or export the rows that ingest refused."""
    from hindcast.data.quarantine import quarantine as use_case

    application = bootstrap.application(home, project)
    declared = application.project
    chosen = [declared.source(source)] if source else [*declared.sources.values()]
    console.show(use_case(chosen, application.lake, reason, out), as_json)


@app.command()
def materialize(
    as_of: AsOfOption = None,
    known_by: KnownByOption = None,
    engine: EngineOption = "duckdb",
    view: Annotated[
        str | None, typer.Option("--feature-view", help="Default: every feature view.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Swap even if the table fails the checks.")] = False,
    release: Annotated[
        list[str] | None, typer.Option(help="Also the versions that this release reads.")
    ] = None,
    rollback: Annotated[
        bool, typer.Option(help="Make the tables before these current again.")
    ] = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute features for the lake and online store. Also versions that live releases read."""
    from hindcast.data.refresh import refresh, roll_back

    application = working(home, project)
    if rollback:
        show_all(roll_back(application, view), as_json)
        return
    runner, clocks = bootstrap.engine(engine), knowledge(as_of, known_by)
    report = refresh(
        application,
        [view] if view else None,
        runner,
        clocks,
        also=release or (),
        force=force,
        progress=ConsoleProgress(),
    )
    for each in report.views:
        for name, count in each.overflows.items():
            console.warn(
                f"feature '{name}' needs more digits than there are in {count} rows; null there"
            )
        for name, count in each.unheld.items():
            console.warn(
                f"column '{name}' has a wider type now, and {count} values that the view "
                f"'{each.view}' of a live release does not hold; null there until it is retrained"
            )
    console.show(report, as_json)


@app.command("training-set")
def training_set(
    out: Annotated[Path, typer.Option("--out", help="Write CSV, JSON lines or Parquet.")],
    spine: Annotated[
        Path | None,
        typer.Option(help="The rows of this file: keys, event_timestamp, label, request values."),
    ] = None,
    as_of: AsOfOption = None,
    known_by: KnownByOption = None,
    engine: EngineOption = "duckdb",
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the rows that a model trains on. Each has its keys, features and label."""
    from hindcast.data import training_set
    from hindcast.formats import spine_file, table_file

    table_file.check_out(out)
    application = bootstrap.application(home, project)
    declared, runner = application.project.model(model), bootstrap.engine(engine)
    rows, lake = spine_file.read(spine) if spine else None, application.lake
    clocks = knowledge(as_of, known_by)
    data = training_set.of(declared, application.project, runner, lake, clocks, spine=rows)
    written = table_file.write(data.table, out)
    console.show({"rows": written, "left_out": data.left_out, "file": str(out)}, as_json)


@app.command("get-historical-features")
def get_historical_features(
    spine: Annotated[
        Path,
        typer.Option(
            "--spine",
            help="CSV or Parquet: keys, as_of or event_timestamp, request values; maybe known_by.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Write CSV, JSON lines or Parquet.")],
    known_by: KnownByOption = None,
    engine: EngineOption = "duckdb",
    view: ViewOption = None,
    service: ServiceOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add features to a file of keys and instants. Each row is as of its own instant.

    A row knows what was recorded by its known_by; without one, by --known-by; without that, by its
    own instant, where the source declares recorded_at.
    """
    from hindcast.data import retrieve
    from hindcast.engines.raw import check_declared
    from hindcast.formats import spine_file, table_file

    started = time.perf_counter()
    table_file.check_out(out)
    clocks, application = knowledge(None, known_by), bootstrap.application(home, project)
    asked, runner = _asked(application.project, view, service), bootstrap.engine(engine)
    check_declared((each.view.source for each in asked.views), application.lake)
    says_when = any(each.view.source.recorded_at is not None for each in asked.views)
    one_for_all = None if clocks.per_row and says_when else clocks.known_by
    with step(ConsoleProgress(), f"features of {spine.name} on {engine}"):
        rows = spine_file.read(spine)
        found = retrieve.retrieve(asked, runner, application.lake, rows, one_for_all)
        written = table_file.write(found.table, out)
    report = {"rows": written, "unknown_keys": found.unknown_keys, "file": str(out)}
    report |= {"known_by": one_for_all or "each row's own instant"}
    console.show(report | {"seconds": round(time.perf_counter() - started, 2)}, as_json)


@app.command("get-online-features")
def get_online_features(
    keys: Annotated[
        list[str] | None,
        typer.Argument(help="Keys, such as 5008827; or of one row carrier=UA dest=SFO."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--keys", help="CSV or Parquet with a column of keys.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write CSV, JSON lines or Parquet instead.")
    ] = None,
    view: ViewOption = None,
    service: ServiceOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the features that keys are served with now. Unknown keys have none."""
    from hindcast.data import retrieve
    from hindcast.formats import spine_file, table_file

    if bool(keys) == bool(file):
        raise InputError("give either the keys or a file of them with --keys")
    if out:
        table_file.check_out(out)
    rows = spine_file.read(file) if file else None
    application = bootstrap.application(home, project)
    asked, url = _asked(application.project, view, service), application.store.url
    if rows:
        found = retrieve.retrieve_online(asked, url, rows, now())
    else:
        found = retrieve.online(asked, url, keys or [], now())
    if out:
        console.show({"rows": table_file.write(found, out), "file": str(out)}, as_json)
        return
    show_all([console.printable(row) for row in found.to_pylist()], as_json)


def _asked(project: Project, view: str | None, service: str | None) -> "CompiledService":
    """The service or all features of the view that is named; else what GET /features gives.

    That is of the only view, or of the default model, or of the only service.
    """
    from hindcast.compiler.service import of_view

    if view is not None and service is not None:
        raise InputError("give either a view or a service")
    if view is not None or (service is None and len(project.views) == 1):
        return of_view(project.view(view))
    if service is None and project.default_model is not None:
        return project.service_of(project.default_model)
    return project.service(service) if service or project.services else of_view(project.view())
