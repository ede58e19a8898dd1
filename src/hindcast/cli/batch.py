"""The command that scores a batch."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from hindcast.cli import console
from hindcast.cli.app import app
from hindcast.cli.console import ConsoleProgress
from hindcast.cli.options import (
    AsOfOption,
    HomeOption,
    JsonOption,
    KnownByOption,
    ProjectOption,
    working,
)
from hindcast.instants import instant


@app.command()
def batch(
    config: Annotated[Path, typer.Argument(help="The YAML file: model, source, target.")],
    run_id: Annotated[
        str | None, typer.Option(help="Of a batch to go on with; one that is done writes nothing.")
    ] = None,
    as_of: AsOfOption = None,
    known_by: KnownByOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score many rows. From a file, a table or a database to another, as a YAML file says."""
    from hindcast.operations.batch import config as configs
    from hindcast.operations.batch.run import run_batch

    clocks = {"as_of": _instant(as_of, "--as-of"), "known_by": _instant(known_by, "--known-by")}
    application = working(home, project)
    checked = configs.read(config).at(**clocks)
    console.show(run_batch(application, checked, run_id, ConsoleProgress()), as_json)


def _instant(text: str | None, option: str) -> datetime | None:
    return None if text is None else instant(text, option)
