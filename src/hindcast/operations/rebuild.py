"""Rebuild a model on one machine: refresh its features, train, judge, promote what passes."""

from dataclasses import dataclass
from datetime import timedelta

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.compiler.query import Knowledge
from hindcast.data.refresh import refresh
from hindcast.engines.base import Engine
from hindcast.models import promote
from hindcast.models.evaluation.evaluate import evaluate
from hindcast.models.promote import ServedStage
from hindcast.models.training.train import train
from hindcast.telemetry import Progress


@dataclass(frozen=True)
class RebuildReport:
    """A rebuild; promoted: False too where its gate let it through and a person has to decide."""

    run: str
    model: str
    release: str
    passed: bool
    promoted: bool


@dataclass(frozen=True)
class Cause:
    """The run that starts a rebuild, and the least time since the start of the rebuild before."""

    run: str
    apart: timedelta


def rebuild(
    application: Application,
    model: str | None,
    engine: Engine,
    clocks: Knowledge,
    progress: Progress,
    stage: ServedStage | None = None,
    because: Cause | None = None,
) -> RebuildReport:
    """One run of the ledger over runs of its steps, which share the clocks.

    A model whose releases take a second person waits for one. Raises what the steps raise, and
    TooSoonError where its cause may not start one yet.
    """
    declared = application.project.model(model)
    parameters = {"model": declared.name, "as_of": clocks.as_of, "known_by": clocks.known_by}
    apart = because.apart if because else None
    given = {**parameters, "because": because.run} if because else parameters
    with application.ledger.run(names.REBUILD, given, apart=apart) as run:
        if views := [view.name for view in declared.service.views]:
            refresh(application, views, engine, clocks, progress=progress)
        release = train(application, declared.name, engine, clocks, progress).release
        run.outputs["release"] = release
        report = evaluate(application, declared.name, release, engine, progress=progress)
        promoted = report.passed and not declared.second_person
        if promoted:
            promote.promote(application, declared.name, release, stage=stage)
        run.outputs.update(passed=report.passed, promoted=promoted)
    return RebuildReport(run.id, declared.name, release, report.passed, promoted)
