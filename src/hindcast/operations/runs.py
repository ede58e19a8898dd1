"""A run that spans a state machine: opened, closed and promoted by separate invocations."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hindcast.bootstrap import Application
from hindcast.compiler.query import Knowledge
from hindcast.errors import NotFoundError
from hindcast.models import promote as promotion
from hindcast.models import register
from hindcast.stores.ledger import Promotion, Run

REASON_CHARACTERS = 500
# What one open run has to itself: two models are rebuilt at the same time, each on its own stage.
HELD = ("model", "stage")


@dataclass(frozen=True)
class Opened:
    """The run that is open: the one asked for, or the one in its way.

    second_person: whether its model is promoted only by somebody else than who trained it.
    """

    opened: bool
    run: str
    execution: str
    model: str
    views: tuple[str, ...]
    second_person: bool


@dataclass(frozen=True)
class Closed:
    """A run that has ended."""

    run: str
    status: str
    error: str | None
    outputs: Mapping[str, Any]


@dataclass(frozen=True)
class TakenBack:
    """What is in production after a promotion was taken back, if it could be."""

    taken_back: bool
    champion: str


def open_run(
    application: Application,
    kind: str,
    run_id: str,
    execution: str,
    model: str | None,
    parameters: Mapping[str, Any],
) -> Opened:
    """Open the run of an execution, unless another of its model or stage is; the same is joined.

    Raises InputError for an unknown model, ConflictError when the run has ended already.
    """
    declared = application.project.model(model)
    given = {"model": declared.name, "execution": execution, **parameters}
    held = [name for name in HELD if name in given]
    found = application.ledger.open_run(kind, given, run_id, held)
    return Opened(
        opened=found.id == run_id,
        run=found.id,
        execution=found.parameters["execution"],
        model=declared.name,
        views=tuple(view.name for view in declared.service.views),
        second_person=declared.second_person,
    )


def close_run(
    application: Application,
    run_id: str,
    outputs: Mapping[str, Any],
    failure: Mapping[str, str] | None,
) -> Closed:
    """End a run by what Step Functions says of its failure, or with none; the first end counts.

    The job that it is of ends with it.
    """
    error = reason(failure) if failure else None
    ended = application.ledger.close_run(run_id, outputs, error)
    application.ledger.jobs.end(run_id, "failed" if error else "succeeded", error)
    return _closed(ended)


def close_job(application: Application, run_id: str, failure: Mapping[str, str] | None) -> Closed:
    """End the job of an execution whose functions have runs of their own; the first end counts.

    Those that were killed are ended by its failure. Raises NotFoundError where there is none, nor
    a job.
    """
    error, jobs = reason(failure) if failure else None, application.ledger.jobs
    jobs.end(run_id, "failed" if error else "succeeded", error)
    found = jobs.find_work(run_id)
    return Closed(found.id, found.status, found.error, found.outputs)


def trained(application: Application, model: str | None, clocks: Knowledge) -> str:
    """The newest release that was trained with these clocks; raises NotFoundError without one."""
    register.catch_up(application)
    name = application.project.model(model).name
    for record in application.ledger.releases(name):
        if _clocks(record.manifest) == (clocks.as_of, clocks.known_by):
            return record.release
    raise NotFoundError(
        f"no release of model '{name}' was trained as of {clocks.as_of.isoformat()}, known by "
        f"{clocks.known_by.isoformat()}"
    )


def promote(
    application: Application, model: str | None, release: str, reason: str | None = None
) -> Promotion:
    """Promote a release through the gate; one that is in production already stays as it was.

    A retry after an answer that was lost must find its own work done. reason: why it is promoted
    although its gate refused it.
    """
    current = application.ledger.champion(application.project.model(model).name)
    if current is not None and current.release == release:
        return current
    return promotion.promote(application, model, release, force=bool(reason), reason=reason)


def take_back(application: Application, model: str | None, release: str) -> TakenBack:
    """Roll back from this very release, if there is one to go back to."""
    current = application.champion(application.project.model(model).name)
    if current.release != release:
        return TakenBack(False, current.release)
    try:
        # The release before still serves: nothing has to be ready for it.
        back = promotion.way_back(application, model)
        return TakenBack(True, promotion.put_into_production(application, back).release)
    except NotFoundError:
        return TakenBack(False, current.release)


def reason(failure: Mapping[str, str]) -> str:
    """One line: the state that failed, the error, and its cause without a stack trace."""
    cause = failure.get("Cause") or ""
    try:
        document = json.loads(cause)
    except ValueError:
        document = None
    if isinstance(document, dict):  # A Lambda's error, or the description of a job that failed.
        cause = next((document[key] for key in _TELLING if document.get(key)), cause)
    lines = str(cause).strip().splitlines()
    parts = (failure.get("State"), failure.get("Error"), lines[0] if lines else None)
    return ": ".join(part for part in parts if part)[:REASON_CHARACTERS]


_TELLING = ("errorMessage", "ErrorMessage", "FailureReason")


def _clocks(manifest: Mapping[str, Any]) -> tuple[datetime, ...]:
    return tuple(datetime.fromisoformat(manifest[name]) for name in ("as_of", "known_by"))


def _closed(run: Run) -> Closed:
    return Closed(run.id, run.status, run.error, run.outputs)
