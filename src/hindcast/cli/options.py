"""Options and small helpers that several commands share."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hindcast import bootstrap
from hindcast.bootstrap import Application
from hindcast.cli import console
from hindcast.cli.app import at_end
from hindcast.errors import InputError, StoreUnavailableError

if TYPE_CHECKING:
    from hindcast.compiler.query import Knowledge

ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project", help="The folder with definitions.py. Default: this one, or the example."
    ),
]
HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="The folder that data are kept in. Default: .hindcast."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="Events strictly before this instant. Default: now.")
]
KnownByOption = Annotated[
    str | None,
    typer.Option("--known-by", help="Only what was recorded by this instant."),
]
KnownThenOption = Annotated[
    bool,
    typer.Option(
        "--known-then", help="What was known at --as-of, as for a command run at that instant."
    ),
]
EngineOption = Annotated[str, typer.Option("--engine", help="duckdb or spark.")]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", help="Default: the release's, the only one, or the project's default."),
]
ViewOption = Annotated[
    str | None, typer.Option("--feature-view", help="Default: the only feature view.")
]
ServiceOption = Annotated[
    str | None,
    typer.Option("--service", help="A feature service, for the features of several views."),
]


def now() -> datetime:
    """The instant a command runs at; the only clock of the command line."""
    return datetime.now(UTC)


def working(home: Path | None, project: Path | None) -> Application:
    """The application of a command that changes something, whose events leave at its end."""
    application = bootstrap.application(home, project)
    # A deployment has a relay of its own.
    if application.settings.deployment is None:
        at_end.callback(_hand_over, application)
    return application


def _hand_over(application: Application) -> None:
    if "ledger" not in vars(application):  # It did not come so far.
        return
    from hindcast.operations.events.relay import relay_of

    # What stays in the outbox is handed over by the next one.
    with suppress(StoreUnavailableError):
        relay_of(application).deliver()


def knowledge(as_of: str | None, known_by: str | None, known_then: bool = False) -> "Knowledge":
    """The two clocks of a command, each now where its option is not given.

    A --known-by that is given is one knowledge for all rows of a spine; with --known-then each
    knows what its own instant knew.
    """
    if known_then:
        if as_of is None or known_by is not None:
            raise InputError("--known-then goes with --as-of, and without --known-by")
        return bootstrap.knowledge(as_of, as_of, now(), ("--as-of", "--as-of"))
    clocks = bootstrap.knowledge(as_of, known_by, now(), ("--as-of", "--known-by"))
    return replace(clocks, per_row=known_by is None)


def show_all(reports: list[Any], as_json: bool) -> None:
    """Print reports one after the other, or one JSON list of them."""
    if as_json:
        print(
            json.dumps(
                [console.fields_of(report) for report in reports], default=console.json_value
            )
        )
        return
    for report in reports:
        console.show(report, as_json)
