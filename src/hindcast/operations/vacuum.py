"""Vacuum: what grows is bounded by the retention that a project declares, and by what replay needs.

A file goes that no version needs which a release was trained on, or by which a kept answer was
made. What goes is written in the ledger first: a vacuum that is killed is no damage.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hindcast import names
from hindcast.audit import prediction_log
from hindcast.bootstrap import Application
from hindcast.operations import lake_verification
from hindcast.stores import vacuuming
from hindcast.stores.ledger import Run

Versions = Mapping[str, set[int]]


@dataclass(frozen=True)
class Leftovers:
    """Files of a table that nothing needs any more."""

    table: str
    files: int
    bytes: int


@dataclass(frozen=True)
class VacuumReport:
    """What went, or would go: files by table, and lines of answers before an instant, if any.

    run: of the ledger, which has the files' names; None where nothing was removed.
    """

    tables: tuple[Leftovers, ...]
    predictions: int
    before: datetime | None
    run: str | None


def vacuum(
    application: Application,
    now: datetime,
    is_applied: bool = False,
    folders: Sequence[str] = (names.RAW, names.QUARANTINE, names.FEATURES, names.PREDICTIONS),
) -> VacuumReport:
    """Find what neither retention nor replay keeps, and remove it where that is asked for.

    folders: of the lake, whose tables are looked at. Raises DamagedError for a table that is not as
    recorded, before anything is removed.
    """
    kept, lake = application.project.retention, application.lake
    before = now - kept.predictions if kept.predictions is not None else None
    needed = _needed(application, before)
    found = {
        name: vacuuming.unneeded(lake, name.split("/"), needed.get(name, ()), kept.files)
        for name in lake_verification.tables(application)
        if f"{name}/".startswith(tuple(f"{folder}/" for folder in folders))
    }
    removed = {name: files for name, files in found.items() if files}
    lines = prediction_log.count_before(lake, before) if before else 0
    run = _apply(application, removed, before, lines) if is_applied else None
    tables = (Leftovers(name, len(files), sum(files.values())) for name, files in removed.items())
    return VacuumReport(tuple(tables), lines, before, run)


def _apply(
    application: Application,
    removed: Mapping[str, Mapping[str, int]],
    before: datetime | None,
    lines: int,
) -> str | None:
    if not removed and not lines:
        return None
    # Parameters are written as the run starts: with them, what is missing later was meant to go.
    parameters: dict[str, Any] = {"removed": {name: [*files] for name, files in removed.items()}}
    if before is not None:
        parameters["before"] = before
    with application.ledger.run(names.VACUUM, parameters) as run:
        for name, files in removed.items():
            vacuuming.remove(application.lake, name.split("/"), files)
        if before is not None and lines:
            vacuuming.forget(application.lake, [names.PREDICTIONS], "instant", before)
        run.outputs.update(predictions=lines)
        run.outputs["bytes"] = {name: sum(files.values()) for name, files in removed.items()}
        return run.id


def _needed(application: Application, before: datetime | None) -> Versions:
    """Table -> versions that releases, and answers that are kept, were computed from."""
    needed = defaultdict[str, set[int]](set)
    for table, version in _read_by(application, before):
        needed[table].add(version)
    return needed


def _read_by(application: Application, before: datetime | None) -> Iterator[tuple[str, int]]:
    for release in application.ledger.releases():
        yield from _versions(release.manifest["inputs"])
    answered = _answering(application, before) if before else set[str]()
    for run in application.ledger.runs(limit=None):
        if before is None or not _is_past(run, before) or run.id in answered:
            yield from _versions(run.inputs)


def _answering(application: Application, before: datetime) -> set[str]:
    """Materializations that kept answers were made from, and those that are online."""
    online = {swap.run_id for swap in application.store.materialized().values()}
    return online | prediction_log.materializations(application.lake, before)


def _is_past(run: Run, before: datetime) -> bool:
    """Whether it made features that only answers before an instant, if any, were given by."""
    return run.kind == "materialize" and run.started_at < before


def _versions(inputs: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for table, said in inputs.items():
        if isinstance(said, Mapping) and isinstance(said.get("version"), int):
            yield table, said["version"]
