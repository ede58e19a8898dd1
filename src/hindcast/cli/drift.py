"""The command that checks models for drift."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hindcast import bootstrap
from hindcast.bootstrap import Application
from hindcast.cli import console, phrases
from hindcast.cli.app import app
from hindcast.cli.console import ConsoleProgress
from hindcast.cli.options import HomeOption, JsonOption, ProjectOption, now, working
from hindcast.errors import InputError
from hindcast.instants import instant, length
from hindcast.telemetry import Progress

if TYPE_CHECKING:
    from hindcast.operations.drift.findings import DriftFinding, DriftReport
    from hindcast.operations.drift.rebuilds import Rebuild


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
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Rebuild what has alerts, once per cool-down.")
    ] = False,
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
    started = [_rebuilt(application, each, progress) if rebuild else None for each in reports]
    if as_json:
        found = [_document(each, then) for each, then in zip(reports, started, strict=True)]
        print(json.dumps(found, default=console.json_value))
        return
    for report, then in zip(reports, started, strict=True):
        _show(report, then)


def _rebuilt(application: Application, report: "DriftReport", progress: Progress) -> "Rebuild":
    from hindcast.operations.drift import rebuilds
    from hindcast.traffic import local_stage

    clocks = bootstrap.knowledge(None, None, now())
    stage = local_stage.served(application.settings.home, report.model)
    return rebuilds.here(application, report, bootstrap.engine("duckdb"), clocks, progress, stage)


def _document(report: "DriftReport", then: "Rebuild | None") -> dict[str, Any]:
    return {**asdict(report), **({"rebuild": asdict(then)} if then else {})}


def _show(report: "DriftReport", then: "Rebuild | None") -> None:
    said = {
        "model": report.model,
        "release": report.release,
        "window": f"{phrases.minute(report.since)} to {phrases.minute(report.until)}",
        "rows": ", ".join(f"{rows:,} {name}" for name, rows in report.rows.items()) or "none",
        "alerts": report.alerts,
        **({"rebuild": then.started or f"none: {then.reason}"} if then else {}),
        "page": report.page,
    }
    console.show(said, as_json=False)
    moved = [_moved(each) for each in report.findings]
    unjudged = [{"not judged": each.name, "because": each.reason} for each in report.unjudged]
    console.tables([moved, unjudged])


def _moved(finding: "DriftFinding") -> dict[str, Any]:
    return {
        "moved": finding.name,
        "of": finding.slice or finding.population,
        "statistic": finding.statistic,
        "value": f"{finding.value:.3g}",
        "p": _chance(finding.p_value),
        "windows": finding.windows,
        "alert": "yes" if finding.alert else "not yet",
        "since": phrases.minute(finding.since),
        "seen": finding.note,
    }


def _chance(p_value: float | None) -> str:
    if p_value is None:
        return ""
    return "<1e-9" if p_value < 1e-9 else f"{p_value:.1g}"
