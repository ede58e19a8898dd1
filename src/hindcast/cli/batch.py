"""The command that scores a batch."""

from pathlib import Path
from typing import Annotated

import typer

from hindcast import bootstrap
from hindcast.cli import console
from hindcast.cli.app import app
from hindcast.cli.console import ConsoleProgress
from hindcast.cli.options import HomeOption, JsonOption, ProjectOption


@app.command()
def batch(
    config: Annotated[Path, typer.Argument(help="The YAML file: model, source, target.")],
    run_id: Annotated[
        str | None, typer.Option(help="Of a batch to go on with; one that is done writes nothing.")
    ] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score many rows. From a file, a table or a database to another, as a YAML file says."""
    from hindcast.operations.batch import config as configs
    from hindcast.operations.batch.run import run_batch

    checked = configs.read(config)
    application = bootstrap.application(home, project)
    console.show(run_batch(application, checked, run_id, ConsoleProgress()), as_json)
