"""Check a model: hold a window of what it read and answered against what it was trained on."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.errors import InputError, NotFoundError
from hindcast.operations.drift import (
    ages,
    compare,
    estimates,
    examination,
    history,
    page,
    performance,
    policy,
    volume,
)
from hindcast.operations.drift.examination import Examination
from hindcast.operations.drift.findings import DriftFinding, DriftReport, Found, Measurement, Period
from hindcast.releases import contents
from hindcast.stores.ledger import OpenRun
from hindcast.telemetry import Progress, Silent, step

# How many alerts an event tells of, which must stay small: the largest.
TOLD = 50
EXAMINATIONS: Sequence[Callable[[Examination], Found]] = (
    examination.histograms,
    performance.examine,
    estimates.examine,
    volume.examine,
    ages.examine,
)


def models(application: Application, model: str | None) -> list[str]:
    """The named model, or all that have a release in production; NotFoundError where none has."""
    ledger, project = application.ledger, application.project
    if model is not None:
        return [project.model(model).name]
    found = [name for name in project.models if ledger.champion(name) is not None]
    if not found:
        raise NotFoundError("no model has a release in production; run: hindcast train")
    return found


def check(
    application: Application,
    model: str,
    until: datetime,
    since: datetime | None = None,
    progress: Progress | None = None,
) -> DriftReport:
    """Examine the release in production, record what moved, draw the page, tell of alerts.

    since: by default the length of the model's own window before `until`. Raises NotFoundError
    where no release is in production, InputError for no length of time, and what reading the
    release's folder raises.
    """
    declared = application.project.model(model)
    window = Period(since or until - declared.drift.window, until)
    if window.since >= window.until:
        raise InputError(f"since {window.since} is not before until {until}; give an earlier one")
    release = application.champion(declared.name).release
    parameters = {"model": declared.name, "since": window.since, "until": window.until}
    with application.ledger.run(history.KIND, parameters) as run:
        read = contents.read(application.release_folder(release))
        examined = Examination(application, declared, read, window, progress or Silent())
        found = Found.together(examine(examined) for examine in EXAMINATIONS)
        former = history.checks(application.ledger, declared.name)
        before = history.streaks(former, release, window)
        moved = policy.judge(declared.name, found.measurements, declared.drift, window, before)
        report = _report(run, examined, found, moved)
        run.inputs["release"] = release
        run.outputs.update(asdict(report), measures=_measures(found.measurements))
        with step(examined.progress, "draw the page"):
            page.write(report, found, declared.drift, former)
        _announce(run, report)
    return report


def _report(
    run: OpenRun, examined: Examination, found: Found, moved: Sequence[DriftFinding]
) -> DriftReport:
    model, lake = examined.model.name, examined.application.lake
    return DriftReport(
        run=run.id,
        model=model,
        release=examined.release.id,
        since=examined.window.since,
        until=examined.window.until,
        rows=dict(found.rows),
        alerts=sum(each.alert for each in moved),
        findings=tuple(moved),
        unjudged=found.unjudged,
        page=lake.uri(names.REPORTS, history.KIND, model, f"{run.id}.html"),
    )


def _measures(measured: Sequence[Measurement]) -> dict[str, dict[str, float]]:
    """Population -> column -> its stability index over all rows, which later checks draw."""
    found: dict[str, dict[str, float]] = {}
    for each in measured:
        if each.statistic == compare.PSI and each.slice is None:
            found.setdefault(each.population, {})[each.name] = each.value
    return found


def _announce(run: OpenRun, report: DriftReport) -> None:
    """Tell others of alerts; of what only moved once, the ledger alone knows."""
    alerts = [each for each in report.findings if each.alert][:TOLD]
    if not alerts:
        return
    data: dict[str, Any] = {
        "model": report.model,
        "release": report.release,
        "run": report.run,
        "page": report.page,
        "findings": [_told(each) for each in alerts],
    }
    run.announce("DriftDetected", report.model, data)


def _told(finding: DriftFinding) -> dict[str, Any]:
    """A finding as the event's schema has it; its note may quote values, and is left out."""
    told = ("kind", "name", "slice", "statistic", "value", "p_value", "since")
    return {name: getattr(finding, name) for name in told}
