"""The page of a check: what moved, since when, by which releases and runs, and what to do."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from hindcast.definitions import Drift
from hindcast.models.registry import pages
from hindcast.operations.drift import compare, plots
from hindcast.operations.drift.findings import (
    DriftFinding,
    DriftReport,
    Found,
    Histogram,
    Measurement,
)
from hindcast.operations.drift.history import FormerCheck
from hindcast.stores import folders

FOLDER = Path(__file__).parent
TEMPLATE = "page.html.jinja"
# What is drawn: the columns that moved most; and what is listed: the newest checks.
DRAWN, LINES, CHECKS = 12, 6, 30
# Statistic -> what it is called, and what to look at where it moved.
WORDS: Mapping[str, tuple[str, str]] = {
    compare.PSI: (
        "distribution",
        "Look for another kind of question, or a change of the source. If that is how things are "
        "now, train again.",
    ),
    compare.MISSING: (
        "share of nulls",
        "Look at the source: a column that no longer comes, or a join that finds nothing.",
    ),
    compare.OUT_OF_RANGE: (
        "values out of range",
        "Look for another unit or a fault, and add a Check to the source. If the values are right, "
        "train again: the model has not seen them.",
    ),
    compare.NEW_CATEGORIES: (
        "new categories",
        "The model reads them as none. Look whether a name was changed, or train again.",
    ),
    compare.FROZEN: (
        "frozen at a value",
        "Look whether its source still comes and its view is refreshed: hindcast status.",
    ),
    "loss": ("performance", "Train again; what its features say of the label has changed."),
    "estimated loss": (
        "estimated performance",
        "The questions are harder than those it learned from. Train again once there are labels.",
    ),
    "change": ("volume", "Ask who calls: more, fewer, or other callers than in the weeks before."),
    "hours outside": ("volume by hour", "Look whether a caller is late, retries, or has stopped."),
    "feature age in hours": (
        "age of features",
        "Look why its view is not refreshed: hindcast runs.",
    ),
    "model age in days": ("age of the model", "Train again."),
}
# What is measured by column, in a table of its own.
BY_COLUMN = ("feature", "score")


def write(report: DriftReport, found: Found, drift: Drift, former: Sequence[FormerCheck]) -> None:
    """Write the page to the report's address; raises HindcastError where it cannot be."""
    folder, _, name = report.page.rpartition("/")
    folders.opened(folder).write(name, render(report, found, drift, former).encode())


def render(report: DriftReport, found: Found, drift: Drift, former: Sequence[FormerCheck]) -> str:
    """One self-contained page; former: checks of the model before this one, the newest first."""
    template = pages.environment(FOLDER).get_template(TEMPLATE)
    return template.render(
        report=report,
        drift=drift,
        findings=[_row(each) for each in report.findings],
        advice=_advice(report.findings),
        drawings=[pages.drawing(svg) for svg in plots.histograms(_moved(report, found))],
        trend=_trend(report, found, drift, former),
        columns=list(_columns(found.measurements)),
        others=[each for each in found.measurements if each.kind not in BY_COLUMN],
        checks=former[:CHECKS],
    )


def _row(finding: DriftFinding) -> dict[str, Any]:
    words, _ = WORDS.get(finding.statistic, (finding.statistic.replace("_", " "), ""))
    return {"of": finding.slice or finding.population, "words": words, "finding": finding}


def _advice(findings: Sequence[DriftFinding]) -> dict[str, str]:
    """What each of the statistics that moved is called -> what to look at."""
    moved = {each.statistic for each in findings}
    return {words: advice for name, (words, advice) in WORDS.items() if name in moved}


def _moved(report: DriftReport, found: Found) -> list[Histogram]:
    """The histograms of what moved, in the order of the findings."""
    known = {(each.population, each.name, each.slice): each for each in found.histograms}
    wanted = dict.fromkeys((each.population, each.name, each.slice) for each in report.findings)
    return [known[key] for key in wanted if key in known][:DRAWN]


def _trend(
    report: DriftReport, found: Found, drift: Drift, former: Sequence[FormerCheck]
) -> Any | None:
    """The indices of the columns that are farthest, by check; None where this check has none."""
    now = {
        (each.population, each.name): each.value
        for each in found.measurements
        if each.statistic == compare.PSI and each.slice is None
    }
    farthest = sorted(now, key=lambda column: -now[column])[:LINES]
    points = {
        f"{name}, {population}": [
            *_before(former, population, name),
            (report.until, now[(population, name)]),
        ]
        for population, name in farthest
    }
    return pages.drawing(plots.trend(points, drift.psi)) if points else None


def _before(
    former: Sequence[FormerCheck], population: str, name: str
) -> Iterator[tuple[datetime, float]]:
    for check in sorted(former[:CHECKS], key=lambda check: check.window.until):
        if (value := check.measures.get(population, {}).get(name)) is not None:
            yield check.window.until, value


def _columns(measured: Sequence[Measurement]) -> Iterator[dict[str, Any]]:
    """What was measured of each column over all rows, by the names of the statistics."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for each in measured:
        if each.slice is None and each.kind in BY_COLUMN:
            column = {"name": each.name, "population": each.population, "rows": each.current_rows}
            found.setdefault((each.population, each.name), column)[each.statistic] = each.value
    yield from found.values()
