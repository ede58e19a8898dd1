"""Whether every commit of the lake's tables lies there as it was recorded, and since when not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.stores.integrity import DamagedFile, Integrity, TableReport, examine
from hindcast.stores.ledger import Run

VERIFY = "verify"
# Where a run that verified has the tables that it found whole: name -> version.
WHOLE = "whole"
BY_HAND = "by hand"


@dataclass(frozen=True)
class AdoptionReport:
    """A table that was taken as it lies, and how many commits it has."""

    table: str
    commits: int


def examined(application: Application) -> Iterator[TableReport]:
    """Every table of the lake that there is, or that the ledger knows."""
    integrity = _integrity(application)
    for name in tables(application):
        report = examine(integrity, name)
        if report is not None:
            yield report


def tables(application: Application) -> list[str]:
    """Every table that the ledger knows, or that a project's commands write."""
    return sorted({*application.ledger.lake.tables(), *_declared(application)})


def lines(report: TableReport, verified: Sequence[Run]) -> list[str]:
    """What is wrong with a table, in words; verified: runs that did the same before."""
    return [f"{report.table}: {_line(report.table, each, verified)}" for each in report.damages]


def adopt(application: Application, table: str) -> AdoptionReport:
    """Take a table as it lies, whatever the ledger has of it, as a run in the ledger."""
    with application.ledger.run("adopt", {"table": table}) as run:
        report = AdoptionReport(table, _integrity(application).recorder.adopt(table, BY_HAND))
        run.outputs["commits"] = report.commits
    return report


def _line(table: str, damage: DamagedFile | str, verified: Sequence[Run]) -> str:
    if isinstance(damage, str):
        return damage
    for run in verified:
        whole: Mapping[str, int] = run.outputs.get(WHOLE, {})
        if whole.get(table, -1) >= damage.commit.version:
            seen = run.started_at.isoformat(timespec="seconds")
            return f"{damage}; last seen whole {seen} by verify {run.id}"
    return f"{damage}; never verified since"


def _integrity(application: Application) -> Integrity:
    integrity = application.lake.integrity
    assert integrity is not None, "an application's lake has one"
    return integrity


def _declared(application: Application) -> set[str]:
    """The tables that a project's commands write, by their names in the lake."""
    project = application.project
    folders = [(kind, name) for kind in (names.RAW, names.QUARANTINE) for name in project.sources]
    folders += [(names.FEATURES, name) for name in project.views]
    collected = (names.PREDICTIONS, f"{names.QUARANTINE}/{names.PREDICTIONS}")
    return {*map("/".join, folders), *collected}
