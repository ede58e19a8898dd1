"""Commands about what happened: runs, releases, and how things stand."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hindcast import bootstrap
from hindcast.cli import console, phrases
from hindcast.cli.app import app
from hindcast.cli.options import HomeOption, JsonOption, ModelOption, ProjectOption, now
from hindcast.serving.release import short

if TYPE_CHECKING:
    from hindcast.stores.ledger import Run


@app.command()
def runs(
    run: Annotated[str | None, typer.Argument(help="The id of one run, to show all of it.")] = None,
    kind: Annotated[str | None, typer.Option(help="Such as ingest, materialize or train.")] = None,
    status: Annotated[
        str | None,
        typer.Option(help="succeeded, failed, interrupted, or unfinished."),
    ] = None,
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1)] = 20,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what ran. With the id of a run, show all of it: its inputs and outputs too."""
    from hindcast.operations.status import close_lost

    application = bootstrap.application(home, project, compiled=False)
    close_lost(application)
    ledger = application.ledger
    if run is not None:
        console.show(ledger.find_run(run), as_json)
        return
    found = ledger.runs(kind, status, limit)
    if as_json:
        _print_json([asdict(each) for each in found])
        return
    console.lines([_run_line(each, now()) for each in found])


@app.command()
def releases(
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a model's releases. Those that an outage left unrecorded are recorded first."""
    from hindcast.operations.status import releases as use_case

    found = use_case(bootstrap.application(home, project, compiled=False), model)
    if as_json:
        _print_json(found)
        return
    console.lines([_release_line(each, now()) for each in found])


@app.command()
def status(
    project: ProjectOption = None, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Show the state of the project. Champions, challengers, age of features, failed runs."""
    from hindcast.operations.status import status as use_case

    document = use_case(bootstrap.application(home, project, compiled=False), now())
    if as_json:
        console.show(document, as_json)
        return
    tables = (
        [_model_line(name, facts, now()) for name, facts in document["models"].items()],
        [_told(name, facts, "challenger") for name, facts in document["models"].items()],
        [_canary_line(name, facts["canary"]) for name, facts in document["models"].items()],
        [_view_line(name, facts, now()) for name, facts in document["features"].items()],
        [_failure_line(failure, now()) for failure in document["latest failures"]],
    )
    console.tables([[line for line in table if line] for table in tables])


def _print_json(records: list[dict[str, Any]]) -> None:
    print(json.dumps(records, default=console.json_value))


def _run_line(run: "Run", at: datetime) -> dict[str, Any]:
    return {
        "run": run.id,
        "kind": run.kind,
        "status": run.status,
        "started": phrases.ago(run.started_at, at),
        "took": phrases.took(run.seconds),
        "parameters, or why it failed": run.error or phrases.parameters(run.parameters),
    }


def _release_line(release: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    return {
        "version": release["version"],
        "release": short(release["release"]),
        "state": release["state"],
        "holdout": release["worth"],
        "created": phrases.ago(release["created_at"], at),
        "trained as of": phrases.minute(datetime.fromisoformat(release["trained_as_of"])),
    }


def _model_line(model: str, facts: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    return {
        "model": model,
        "champion": short(facts["champion"] or "none"),
        "releases": facts["releases"],
        "since": phrases.ago(facts["since"], at),
    }


def _told(model: str, facts: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A fact of a model on a line of its own, where there is one: two ids may not fit on one."""
    return {"model": model, name: short(facts[name])} if facts[name] else {}


def _canary_line(model: str, canary: Mapping[str, Any] | None) -> dict[str, Any]:
    if canary is None:
        return {}
    share = f"{canary['percent']:g}% of the traffic"
    return {"model": model, "canary": f"{short(canary['release'])}, {share}"}


def _view_line(view: str, facts: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    as_of = facts["as_of"]
    return {
        "feature view": view,
        "features as of": phrases.minute(as_of) if as_of else "not materialized",
        "age": phrases.length(at - as_of) if as_of else "",
        "rows": facts["rows"],
        "swapped in": phrases.ago(facts["swapped_at"], at),
    }


def _failure_line(failure: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    return {
        "failed run": failure["run"],
        "kind": failure["kind"],
        "started": phrases.ago(failure["started_at"], at),
        "why": failure["error"],
    }
