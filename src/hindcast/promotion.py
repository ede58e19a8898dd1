"""Which release answers: promotion through the gate, past it with a reason, and rollback."""

import getpass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from hindcast import registration
from hindcast.bootstrap import Application
from hindcast.errors import GateError, InputError, NotFoundError
from hindcast.ledger import Evaluation, Promotion, ReleaseRecord, previous
from hindcast.releases import contents
from hindcast.telemetry import Progress

if TYPE_CHECKING:
    from hindcast.evaluation.use_case import EvaluationReport


def promote(
    application: Application,
    model: str | None,
    name: str,
    force: bool = False,
    reason: str | None = None,
) -> Promotion:
    """Make a release, named by its id or version, the one in production.

    A release that was in production before may always come back; any other must have passed the
    gate against today's champion, or be forced with a reason. Raises GateError, NotFoundError,
    InputError, or ConflictError when another promotion came first.
    """
    if force and not (reason or "").strip():
        raise InputError("--force needs --reason TEXT, which is recorded with the promotion")
    declared = application.project.model(model).name
    registration.catch_up(application)
    target = application.ledger.find_release(declared, name)
    current = application.ledger.champion(declared)
    if current is not None and current.release == target.release:
        raise InputError(f"release {target.release} is in production already")
    past = {promotion.release for promotion in application.ledger.promotions(declared)}
    evaluation = application.ledger.last_evaluation(declared, target.release)
    is_rollback = target.release in past
    if not force and not is_rollback:
        _require_passed(target, evaluation, current)
    action: Literal["promote", "rollback"] = "rollback" if is_rollback else "promote"
    return _record(application, target, current, action, evaluation, reason if force else None)


def admit_first(
    application: Application,
    model: str | None,
    release: str,
    engine: str,
    now: datetime,
    progress: Progress | None = None,
) -> "EvaluationReport | None":
    """Promote a model's first release if it passes; None where the model has a champion.

    Without a champion the gate's absolute part decides.
    """
    if application.ledger.champion(application.project.model(model).name) is not None:
        return None
    # Seconds of imports that going back to another release must not wait for.
    from hindcast.evaluation.use_case import evaluate

    report = evaluate(application, model, release, None, None, engine, now, progress)
    if report.passed:
        promote(application, model, release)
    return report


def rollback(application: Application, model: str | None) -> Promotion:
    """Bring back the release that was in production before; raises NotFoundError without one."""
    declared = application.project.model(model).name
    # Read once: what is in production must be what the way back was taken from.
    promotions = application.ledger.promotions(declared)
    before = previous(promotions)
    if before is None:
        raise NotFoundError(f"model '{declared}' has no earlier champion to go back to")
    target = application.ledger.find_release(declared, before)
    return _record(application, target, promotions[0], "rollback", None, None)


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
            "it all the same with --force --reason TEXT, or train another"
        )
    champion = current.release if current else None
    if evaluation.champion != champion:
        raise GateError(
            f"release {target.release} was evaluated against {evaluation.champion or 'no champion'}"
            f", and the champion is {champion or 'none'} now; {again}"
        )


def _record(
    application: Application,
    target: ReleaseRecord,
    current: Promotion | None,
    action: Literal["promote", "rollback"],
    evaluation: Evaluation | None,
    forced_because: str | None,
) -> Promotion:
    """Verify the folder, promote what follows `current`, and show it in MLflow and on the cards."""
    replaced = current.release if current else None
    parameters = {"model": target.model, "release": target.release, "replaces": replaced}
    with application.ledger.run("promote", parameters) as run:
        contents.read(application.release_folder(target.release))
        promotion = application.ledger.promote(
            target.model, target.release, current.number if current else None, action,
            forced=forced_because is not None, reason=forced_because,
            evaluation=evaluation.number if evaluation else None, by=getpass.getuser(),
        )  # fmt: skip
        run.outputs["promotion"] = promotion.number
    registration.refresh_after(
        application, target.model, f"release {target.release} is in production"
    )
    return promotion
