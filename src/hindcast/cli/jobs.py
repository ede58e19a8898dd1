"""Commands of the control API on this machine: its tokens, and the processes of its jobs."""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from hindcast import bootstrap, settings
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
    now,
    show_all,
    working,
)

tokens = typer.Typer(help="Say who may use hindcast serve --admin.")
app.add_typer(tokens, name="tokens", no_args_is_help=True)

# A job's parameters that are called otherwise as options, and those that are arguments.
_OPTIONS = {("materialize", "view"): "feature-view", ("drift", "from"): "since"}
_ARGUMENTS = {"ingest": "files", "evaluate": "release", "batch": "config", "drift": "model"}
# Commands of whose rows each knows what its own instant knew.
_KNOWS_THEN = ("train", "evaluate")


@tokens.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose it is; the ledger has it with each call.")],
    role: Annotated[
        str, typer.Option(help="viewer, operator or approver; each may what those before it may.")
    ] = "viewer",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token, in place of the name's old one. It is printed this once."""
    from hindcast.operations.control.access import Tokens

    token = Tokens(_home(home)).add(name, role)
    console.show({"name": name, "role": role, "token": token}, as_json)


@tokens.command("list")
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List who has a token."""
    from hindcast.operations.control.access import Tokens

    found = Tokens(_home(home)).all()
    if as_json:
        show_all(found, as_json)
        return
    console.lines([asdict(each) for each in found])


@tokens.command()
def remove(
    name: Annotated[str, typer.Argument(help="Whose token.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget a token."""
    from hindcast.operations.control.access import Tokens

    console.show(Tokens(_home(home)).remove(name), as_json)


@app.command()
def rebuild(
    as_of: AsOfOption = None,
    known_by: KnownByOption = None,
    engine: EngineOption = "duckdb",
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Refresh, train, judge, and promote a model. Exits with 1 where its gate refuses it."""
    from hindcast.operations.rebuild import rebuild as use_case
    from hindcast.traffic import local_stage

    application = working(home, project)
    declared, runner = application.project.model(model).name, bootstrap.engine(engine)
    clocks = bootstrap.knowledge(as_of, known_by, now(), ("--as-of", "--known-by"))
    stage = local_stage.served(application.settings.home, declared)
    report = use_case(application, declared, runner, clocks, ConsoleProgress(), stage)
    console.show(report, as_json)
    raise typer.Exit(0 if report.passed else 1)


@app.command(hidden=True)
def job(
    job: Annotated[str, typer.Argument(help="The id of a job.")],
    project: ProjectOption = None,
    home: HomeOption = None,
) -> None:
    """Do a job that the ledger has. hindcast serve --admin starts it so."""
    found = bootstrap.application(home, project, compiled=False).ledger.jobs.find(job)
    words = command_line(found.command, found.parameters)
    print(f"hindcast {shlex.join(words)}", file=sys.stderr, flush=True)
    raise typer.Exit(app(words, standalone_mode=False) or 0)


def _home(home: Path | None) -> Path:
    return settings.load(home=home).home


def command_line(command: str, parameters: Mapping[str, Any]) -> list[str]:
    """The words that a job's command is started with."""
    given = dict(parameters)
    arguments = given.pop(_ARGUMENTS.get(command, ""), [])
    if "as_of" in given and given.get("known_by") == given["as_of"] and command in _KNOWS_THEN:
        del given["known_by"]
        given["known_then"] = True
    options = [_option(_OPTIONS.get((command, name), name), each) for name, each in given.items()]
    last = arguments if isinstance(arguments, list) else [arguments]
    return [command, *options, *(["--", *last] if last else [])]


def _option(name: str, value: Any) -> str:
    option = f"--{name.replace('_', '-')}"
    return option if value is True else f"{option}={value}"
