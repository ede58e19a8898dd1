"""Commands about what is kept: to prove it, to go on from copies of it, and what need not be."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from hindcast import bootstrap
from hindcast.cli import console
from hindcast.cli.app import app
from hindcast.cli.console import ConsoleProgress
from hindcast.cli.options import HomeOption, JsonOption, ProjectOption


@app.command()
def verify(
    adopt: Annotated[
        str | None,
        typer.Option(
            help="Take this table of the lake, such as raw/payments, as it is now instead: what "
            "was recorded of it no longer counts."
        ),
    ] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that what is kept is what was written. Exits with 1 where it is not."""
    from hindcast.operations import lake_verification
    from hindcast.operations.verification import verify as use_case

    application = bootstrap.application(home, project, compiled=False)
    if adopt is not None:
        console.show(lake_verification.adopt(application, adopt), as_json)
        return
    report = use_case(application, progress=ConsoleProgress())
    if as_json:
        console.show(report, as_json)
    else:
        console.lines([_line(part, pieces) for part, pieces in report.checked.items()])
        for found in report.damage:
            print(f"{found.part}: {found.what}")
        for why, count in report.unproven.items():
            print(f"{why} ({count:,})")
    raise typer.Exit(1 if report.damage else 0)


def _line(part: str, pieces: int) -> dict[str, str]:
    return {"part": part, "checked": f"{pieces:,}"}


@app.command()
def vacuum(
    is_applied: Annotated[
        bool, typer.Option("--apply", help="Remove it. Without this it is only shown.")
    ] = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show or remove what nothing keeps. No retention and no replay; the ledger names it."""
    from hindcast.operations.vacuum import vacuum as use_case

    application = bootstrap.application(home, project, compiled=False)
    report = use_case(application, datetime.now(UTC), is_applied)
    if as_json:
        console.show(report, as_json)
        return
    shown = [
        {"table": each.table, "files": f"{each.files:,}", "bytes": f"{each.bytes:,}"}
        for each in report.tables
    ]
    console.lines(shown)
    if report.before is not None:
        print(f"answers before {report.before.isoformat()}: {report.predictions:,}")
    done = f"removed by run {report.run}" if report.run else "removed nothing"
    is_left = bool(report.tables or report.predictions) and not is_applied
    print(f"{done}; run: hindcast vacuum --apply" if is_left else done)


@app.command("rotate-line-key")
def rotate_line_key(
    project: ProjectOption = None, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Tag the lines of answers by a new key. From the next start of serve; older keys still prove.

    On AWS it is a change of a secret; docs/operations.md says how.
    """
    from hindcast.stores import line_keys

    settings = bootstrap.application(home, project, compiled=False).settings
    console.show({"key": line_keys.rotate(settings)}, as_json)


@app.command()
def recover(
    heads: Annotated[
        str,
        typer.Option(
            help="The folder or s3:// URI where heads of the lost place's ledger were kept."
        ),
    ],
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on from copies, and say what is lost. Of lake, releases and ledger; then run verify."""
    from hindcast.operations.recovery import recover as use_case

    application = bootstrap.application(home, project, compiled=False)
    report = use_case(application, heads, ConsoleProgress())
    if as_json:
        console.show(report, as_json)
        return
    print(f"lost: {report.summary}")
    for line in report.added:
        print(f"there: {line}")
    print(
        f"{report.tables} tables and {report.releases} releases are whole; {report.moved} "
        "addresses of MLflow were moved"
    )
