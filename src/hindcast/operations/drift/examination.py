"""What is examined, and the examination of histograms."""

from dataclasses import dataclass, replace

from hindcast import bootstrap
from hindcast.bootstrap import Application
from hindcast.definitions import Model
from hindcast.operations.drift import compare, counting, populations, reference
from hindcast.operations.drift.findings import Found, Period, Unjudged
from hindcast.operations.drift.populations import Examined
from hindcast.operations.drift.reference import Reference
from hindcast.releases.contents import ReleaseContents
from hindcast.telemetry import Progress, step


@dataclass(frozen=True)
class Examination:
    """A model's release in production, in a window."""

    application: Application
    model: Model
    release: ReleaseContents
    window: Period
    progress: Progress


def histograms(of: Examination) -> Found:
    """What was served and materialized in the window, against what the release was trained on."""
    lake, known = of.application.lake, reference.of_release(of.release)
    served = populations.served(of.release, lake, of.window)
    made = populations.materialized(of.release, lake, of.window)
    parts = [_examined(of, each, known) for each in (served, *made)]
    return Found.together(parts)


def _examined(of: Examination, population: Examined, known: Reference) -> Found:
    if population.table is None or population.reason:
        return Found(unjudged=(Unjudged(population.name, population.reason),))
    with step(of.progress, f"count {population.name}"):
        engine = bootstrap.engine("duckdb")
        counted = counting.count(engine, population.table, population.rows, known)
    found = compare.measure(known, counted, population.population, population.name, of.model.drift)
    missing = tuple(_without_slices(of, population, known))
    rows = next((each.rows for each in counted[None].values()), 0)
    return replace(found, unjudged=(*found.unjudged, *missing), rows=((population.name, rows),))


def _without_slices(of: Examination, population: Examined, known: Reference) -> list[Unjudged]:
    """The declared slices that cannot be looked at."""
    found = []
    for name in of.model.slices:
        where = f"{population.name}, by {name}"
        if name not in known.slices:
            found.append(Unjudged(where, "the release has no histograms by it; train again"))
        elif name not in population.rows.slices:
            found.append(Unjudged(where, "they do not have its value"))
    return found
