"""Commands for who writes definitions: begin a project, propose a source, check it all."""

from pathlib import Path
from typing import Annotated

import typer

from hindcast.cli import console
from hindcast.cli.app import app
from hindcast.cli.options import HomeOption, JsonOption, ProjectOption


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The folder. Default: this one.")] = Path(),
    template: Annotated[
        str, typer.Option(help="The example to begin with; blank is the smallest.")
    ] = "blank",
    as_json: JsonOption = False,
) -> None:
    """Begin a project. Writes definitions to change, and a test of them that passes."""
    from hindcast.cli.starter import write

    written = write(template, folder)
    if as_json:
        console.show({"files": [str(path) for path in written]}, as_json)
        return
    for path in written:
        print(f"wrote {path}")
    print("next:")
    print(f"  hindcast validate --project {folder}")
    print(f"  python -m pytest {folder}")
    print("  hindcast profile FILE    # proposes a source for a file of your own")


@app.command()
def profile(
    file: Annotated[
        str,
        typer.Argument(
            help="A file of CSV, JSON lines or Parquet, also on S3; the first of several."
        ),
    ],
) -> None:
    """Propose a source for a file. Prints text to check and paste into definitions.py."""
    from hindcast.data.profile import profile as use_case
    from hindcast.formats.objects import listed

    print(use_case(listed(file)[0]))


@app.command()
def validate(
    project: ProjectOption = None, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Check a project's definitions. Lists its sources, entities, views, features and models."""
    from hindcast import settings
    from hindcast.cli.declared import document
    from hindcast.project import load

    found = document(load(settings.load(home=home, project=project).project))
    if as_json:
        console.show(found, as_json)
        return
    console.tables(list(found.values()))
