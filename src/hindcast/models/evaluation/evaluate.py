"""Evaluate: challenger and champion on the same holdout, judged by the gate, kept in the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hindcast.audit.replay import replay as replays
from hindcast.bootstrap import Application
from hindcast.compiler.query import Knowledge
from hindcast.data.training_rows import column_texts
from hindcast.definitions import Model
from hindcast.engines.base import Engine
from hindcast.errors import NotFoundError
from hindcast.models import register
from hindcast.models.evaluation import holdout, latency
from hindcast.models.evaluation.gate import Evidence, GateCheck, Verdict, judge
from hindcast.models.evaluation.holdout import Holdout
from hindcast.models.tasks.base import Reals
from hindcast.models.training import intervals
from hindcast.models.training.intervals import Interval
from hindcast.models.training.measure import by_value
from hindcast.releases import contents
from hindcast.releases.contents import BASELINE, ReleaseContents
from hindcast.serving.release import MODEL
from hindcast.stores.ledger import Evaluation, ReleaseRecord
from hindcast.telemetry import Progress, Silent, step

SKEW_SAMPLE = 1_000


@dataclass(frozen=True)
class EvaluationReport:
    """A verdict, as the ledger keeps it.

    left_out: reason -> how many labelled events it does not judge by.
    """

    evaluation: int
    release: str
    version: int
    champion: str | None
    passed: bool
    checks: tuple[GateCheck, ...]
    holdout_rows: int
    left_out: Mapping[str, int]


def evaluate(
    application: Application,
    model: str | None,
    name: str | None,
    engine: Engine,
    knowledge: Knowledge | None = None,
    progress: Progress | None = None,
) -> EvaluationReport:
    """Judge a release, by default the newest one, against the champion.

    The holdout is that of the release's own clocks unless others are given. A failure changes
    nothing, is kept with its reasons, and is an event for a person to decide.
    """
    declared = application.project.model(model)
    register.catch_up(application)
    record = _record(application, declared.name, name)
    current = application.ledger.champion(declared.name)
    champion = current.release if current and current.release != record.release else None
    parameters = {"model": declared.name, "release": record.release, "champion": champion}
    with application.ledger.run("evaluate", parameters) as run:
        challenger = contents.read(application.release_folder(record.release))
        clocks = knowledge or challenger.knowledge
        evidence, rows = _evidence(
            application, declared, challenger, champion, engine, clocks, progress or Silent()
        )
        verdict = judge(declared.gate, evidence)
        kept = application.ledger.add_evaluation(
            declared.name,
            record.release,
            champion,
            verdict.passed,
            {**verdict.document(), "holdout": evidence.metrics, "slices": evidence.slices},
            clocks.as_of,
            clocks.known_by,
            run.id,
        )
        run.inputs.update(rows.data.inputs)
        run.outputs.update(evaluation=kept.number, passed=verdict.passed)
    register.refresh_after(application, declared.name, f"evaluation {kept.number} is recorded")
    return _report(kept, record, verdict, rows)


def _record(application: Application, model: str, name: str | None) -> ReleaseRecord:
    if name is not None:
        return application.ledger.find_release(model, name)
    records = application.ledger.releases(model)
    if not records:
        raise NotFoundError(f"model '{model}' has no release; run: hindcast train")
    return records[0]


def _report(
    kept: Evaluation, record: ReleaseRecord, verdict: Verdict, rows: Holdout
) -> EvaluationReport:
    return EvaluationReport(
        evaluation=kept.number,
        release=record.release,
        version=record.version,
        champion=kept.champion,
        passed=verdict.passed,
        checks=verdict.checks,
        holdout_rows=len(rows.labels),
        left_out=rows.left_out,
    )


def _evidence(
    application: Application,
    model: Model,
    challenger: ReleaseContents,
    champion: str | None,
    engine: Engine,
    clocks: Knowledge,
    progress: Progress,
) -> tuple[Evidence, Holdout]:
    with step(progress, "holdout, scored by the challenger and the baseline"):
        rows = holdout.of(challenger, engine, application.lake, clocks)
        scores = rows.scores(challenger, MODEL)
        over_baseline = _difference(model, rows, scores, rows.scores(challenger, BASELINE))
    with step(progress, "the champion on the same rows"):
        over_champion = None
        if champion is not None:
            other = contents.read(application.release_folder(champion))
            same = holdout.same_rows(rows, other, engine, application.lake, clocks)
            over_champion = _difference(model, rows, scores, same.scores(other, MODEL))
    with step(progress, "replay of logged predictions"):
        skew = replays.skew(application, SKEW_SAMPLE, None, model.name)
    evidence = Evidence(
        compared_by=model.compared_by,
        is_rising=model.compared_by in model.rules.rising,
        skill=rows.task.skill,
        counted=rows.task.evidence,
        metrics=rows.task.evaluate(rows.labels, scores),
        slices=_slices(model, rows, scores),
        over_baseline=over_baseline,
        over_champion=over_champion,
        champion=champion,
        parity=challenger.metrics["parity"],
        latency_ms=latency.p99_ms(challenger.folder),
        served=skew.compared,
        differing=skew.unlike,
        has_few_entities=intervals.are_few(rows.groups),
    )
    return evidence, rows


def _difference(model: Model, rows: Holdout, scores: Reals, other: Reals) -> Interval | None:
    """Challenger minus the other in the gate's metric, by a bootstrap of whole entities."""
    compared = intervals.compare(rows.task, rows.labels, rows.groups, scores, other, model.seed)
    return compared.difference[model.compared_by]


def _slices(model: Model, rows: Holdout, scores: Reals) -> Mapping[str, Mapping[str, Any]]:
    found = [name for name in model.slices if name in rows.data.table.column_names]
    return {
        name: by_value(rows.task, column_texts(rows.column(name)), rows.labels, scores)
        for name in found
    }
