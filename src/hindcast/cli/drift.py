"""The command that checks models for drift."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hindcast.cli import console, phrases
from hindcast.cli.app import app
from hindcast.cli.console import ConsoleProgress
from hindcast.cli.options import HomeOption, JsonOption, ProjectOption, now, working
from hindcast.errors import InputError
from hindcast.instants import instant, length

if TYPE_CHECKING:
    from hindcast.operations.drift.check import DriftReport
    from hindcast.operations.drift.findings import Finding


@app.command()
def drift(
    model: Annotated[
        str | None, typer.Argument(help="Default: every model with a release in production.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Look at rows from this instant on. Default: by --window.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Look at rows before this instant. Default: now.")
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(help="How far to look back, such as '6 hours'. Default: the model's own."),
    ] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check models for drift. What they read and answer against what they learned."""
    from hindcast.operations.drift import check

    end = now() if until is None else instant(until, "--until")
    start = None if since is None else instant(since, "--since")
    if window is not None:
        if start is not None:
            raise InputError("--since and --window both say where the window starts; give one")
        start = end - length(window, "--window")
    application, progress = working(home, project), ConsoleProgress()
    reports = [
        check.check(application, name, end, start, progress)
        for name in check.models(application, model)
    ]
    if as_json:
        print(json.dumps([asdict(each) for each in reports], default=console.json_value))
        return
    for report in reports:
        _show(report)


def _show(report: "DriftReport") -> None:
    said = {
        "model": report.model,
        "release": report.release,
        "window": f"{phrases.minute(report.since)} to {phrases.minute(report.until)}",
        "rows": ", ".join(f"{rows:,} {name}" for name, rows in report.rows.items()) or "none",
        "alerts": report.alerts,
    }
    console.show(said, as_json=False)
    moved = [_moved(each) for each in report.findings]
    unjudged = [{"not judged": each.name, "because": each.reason} for each in report.unjudged]
    console.tables([moved, unjudged])


def _moved(finding: "Finding") -> dict[str, Any]:
    return {
        "moved": finding.name,
        "of": finding.slice or finding.population,
        "statistic": finding.statistic,
        "value": f"{finding.value:.3g}",
        "p": "" if finding.p_value is None else f"{finding.p_value:.1g}",
        "windows": finding.windows,
        "alert": "yes" if finding.alert else "not yet",
        "since": phrases.minute(finding.since),
        "seen": finding.note,
    }
