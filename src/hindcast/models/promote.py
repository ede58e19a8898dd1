"""Which release answers: promotion through the gate, past it with a reason, and rollback."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from hindcast.bootstrap import Application
from hindcast.errors import GateError, InputError, NotFoundError
from hindcast.models import register
from hindcast.models.readiness import require_ready
from hindcast.releases import contents
from hindcast.stores.ledger import Evaluation, Promotion, ReleaseRecord, previous
from hindcast.telemetry import Progress

if TYPE_CHECKING:
    from hindcast.engines.base import Engine
    from hindcast.models.evaluation.evaluate import EvaluationReport


class ServedStage(Protocol):
    """Where a model is served, told which release is in production."""

    def point(self, release: str) -> None:
        """Let a release answer; raises InputError where the stage cannot be changed."""


@dataclass(frozen=True)
class Candidate:
    """A release that may go into production after the promotion in force."""

    release: ReleaseRecord
    current: Promotion | None
    evaluation: Evaluation | None
    action: Literal["promote", "rollback"]


def promote(
    application: Application,
    model: str | None,
    name: str,
    force: bool = False,
    reason: str | None = None,
    stage: ServedStage | None = None,
) -> Promotion:
    """Make a release, named by its id or version, the one in production.

    It must be a candidate, or be forced with a reason. stage: what serves the model, if anything
    follows the ledger. Raises what `candidate` raises, and ConflictError when another promotion
    came first.
    """
    if force and not (reason or "").strip():
        raise InputError("a forced promotion needs a reason, which is recorded with it")
    found = candidate(application, model, name, force)
    return put_into_production(application, found, reason if force else None, stage)


def candidate(
    application: Application, model: str | None, name: str, force: bool = False
) -> Candidate:
    """A release that may be promoted now, named by its id or version.

    One that was in production before may always come back; any other must have passed the gate
    against today's champion, unless it is forced, and takes a second person where its model says
    so. Either way the features that it reads must be online. Raises GateError, NotFoundError, and
    InputError for the champion itself.
    """
    declared = application.project.model(model).name
    register.catch_up(application)
    target = application.ledger.find_release(declared, name)
    current = application.ledger.champion(declared)
    if current is not None and current.release == target.release:
        raise InputError(f"release {target.release} is in production already")
    require_ready(application.ledger, application.store, target)
    past = {promotion.release for promotion in application.ledger.promotions(declared)}
    evaluation = application.ledger.last_evaluation(declared, target.release)
    if target.release in past:
        return Candidate(target, current, evaluation, "rollback")
    if not force:
        _require_passed(target, evaluation, current)
    require_second_person(application, target)
    return Candidate(target, current, evaluation, "promote")


def admit_first(
    application: Application,
    model: str | None,
    release: str,
    engine: "Engine",
    progress: Progress | None = None,
    stage: ServedStage | None = None,
) -> "EvaluationReport | None":
    """Promote a model's first release if it passes; None where the model has a champion.

    Without a champion the gate's absolute part decides, and a second person where one has to.
    """
    if application.ledger.champion(application.project.model(model).name) is not None:
        return None
    # Seconds of imports that going back to another release must not wait for.
    from hindcast.models.evaluation.evaluate import evaluate

    report = evaluate(application, model, release, engine, progress=progress)
    if report.passed and not application.project.model(model).second_person:
        promote(application, model, release, stage=stage)
    return report


def rollback(
    application: Application, model: str | None, stage: ServedStage | None = None
) -> Promotion:
    """Bring back the release that was in production before.

    Raises NotFoundError without one, and GateError where the features that it reads are not online.
    """
    back = way_back(application, model)
    require_ready(application.ledger, application.store, back.release)
    return put_into_production(application, back, stage=stage)


def way_back(application: Application, model: str | None) -> Candidate:
    """The release that was in production before, to follow the champion; NotFoundError."""
    declared = application.project.model(model).name
    # Read once: what is in production must be what the way back was taken from.
    promotions = application.ledger.promotions(declared)
    before = previous(promotions)
    if before is None:
        raise NotFoundError(f"model '{declared}' has no earlier champion to go back to")
    target = application.ledger.find_release(declared, before)
    return Candidate(target, promotions[0], None, "rollback")


def require_second_person(application: Application, target: ReleaseRecord) -> None:
    """Raise GateError where the model takes a second person, and whoever promotes is the first.

    That is who trained the release, and who asked for the job that did.
    """
    ledger = application.ledger
    if not application.project.model(target.model).second_person:
        return
    trained_by = ledger.find_run(target.run_id).by if target.run_id else None
    if trained_by is None:
        reason = "nobody knows who trained it; train another"
    elif ledger.by in {trained_by, *ledger.jobs.requested_by(target.release)}:
        reason = f"{ledger.by} trained it; somebody else has to promote it"
    else:
        return
    raise GateError(
        f"release {target.release}: its model takes a second person to promote it, and {reason}"
    )


def _require_passed(
    target: ReleaseRecord, evaluation: Evaluation | None, current: Promotion | None
) -> None:
    """Raise GateError unless the last verdict lets the release replace today's champion."""
    again = f"run: hindcast evaluate {target.release}"
    if evaluation is None:
        raise GateError(f"release {target.release} has not been evaluated; {again}")
    if not evaluation.passed:
        raise GateError(
            f"release {target.release} failed its gate in evaluation {evaluation.number}; promote "
            "it all the same by force with a reason, or train another"
        )
    champion = current.release if current else None
    if evaluation.champion != champion:
        raise GateError(
            f"release {target.release} was evaluated against {evaluation.champion or 'no champion'}"
            f", and the champion is {champion or 'none'} now; {again}"
        )


def put_into_production(
    application: Application,
    candidate: Candidate,
    forced_because: str | None = None,
    stage: ServedStage | None = None,
) -> Promotion:
    """Verify the folder and promote what follows `current`; stage, MLflow and cards follow.

    Raises ReleaseError, and ConflictError when another promotion came since.
    """
    target, current = candidate.release, candidate.current
    replaced = current.release if current else None
    parameters = {"model": target.model, "release": target.release, "replaces": replaced}
    with application.ledger.run("promote", parameters) as run:
        contents.read(application.release_folder(target.release))
        promotion = application.ledger.promote(
            target.model,
            target.release,
            current.number if current else None,
            candidate.action,
            forced=forced_because is not None,
            reason=forced_because,
            evaluation=candidate.evaluation.number if candidate.evaluation else None,
            by=application.ledger.by,
        )
        run.outputs["promotion"] = promotion.number
    done = f"release {target.release} is in production"
    if stage is not None:
        _serve(stage, target.release, done)
    register.refresh_after(application, target.model, done)
    return promotion


def _serve(stage: ServedStage, release: str, done: str) -> None:
    try:
        stage.point(release)
    except InputError as error:
        raise InputError(f"{done}, but is not served: {error}") from error
