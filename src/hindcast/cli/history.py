"""Commands about what happened: runs, releases, and how things stand."""

from dataclasses import asdict
from typing import Annotated

import typer

from hindcast import bootstrap
from hindcast.cli import console
from hindcast.cli.app import app
from hindcast.cli.options import HomeOption, JsonOption, ModelOption, ProjectOption, now, show_table


@app.command()
def runs(
    kind: Annotated[str | None, typer.Option(help="Such as ingest, materialize or train.")] = None,
    status: Annotated[
        str | None, typer.Option(help="succeeded, failed or unfinished (running, or killed).")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1)] = 20,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what ran. With parameters, duration and error; --json adds inputs and outputs."""
    found = bootstrap.application(home, project, compiled=False).ledger.runs(kind, status, limit)
    columns = ("id", "kind", "status", "started_at", "seconds", "parameters", "error")
    show_table([asdict(run) for run in found], columns, as_json)


@app.command()
def releases(
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a model's releases. First any that an outage left unrecorded are recorded."""
    from hindcast.cli.status import releases as use_case

    columns = ("version", "release", "state", "worth", "trained_as_of", "created_at")
    show_table(
        use_case(bootstrap.application(home, project, compiled=False), model), columns, as_json
    )


@app.command()
def status(
    project: ProjectOption = None, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Show how things stand. Champion and challenger, age of online features, failed runs."""
    from hindcast.cli.status import status as use_case

    document = use_case(bootstrap.application(home, project, compiled=False), now())
    if as_json:
        console.show(document, as_json)
        return
    for what in ("models", "features"):
        console.rows([{what: name, **facts} for name, facts in document[what].items()])
    console.show({"latest failures": document["latest failures"]}, as_json)
