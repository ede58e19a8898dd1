"""The routes that change nothing: runs, releases, how things stand."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast
from urllib.parse import quote

from hindcast.bootstrap import Application
from hindcast.operations import status as standing
from hindcast.operations.control import documents
from hindcast.operations.control.bodies import ModelQuery, ReleasesQuery, RunsQuery
from hindcast.operations.control.control import Call, Control, Reply
from hindcast.operations.control.jobs import Observed
from hindcast.serving.requests import RequestError
from hindcast.stores.ledger import ReleaseRecord, Work
from hindcast.stores.ledger.jobs import STATE_MACHINES


def runs(control: Control, call: Call) -> Reply:
    """A page of runs, the newest first."""
    query = cast("RunsQuery", call.query)
    before = _run_before(query.cursor) if query.cursor else None
    standing.close_lost(control.application)
    jobs = control.application.ledger.jobs
    # One more than is shown tells whether there is a page after this.
    found = jobs.work(query.kind, query.status, before, query.limit + 1)
    shown = [_current(control, each) for each in found[: query.limit]]
    is_last = len(found) == len(shown)
    following = None if is_last else _cursor(shown[-1].requested_at.isoformat(), shown[-1].id)
    return Reply(documents.RunsPage(runs=[summary(each) for each in shown], next=following))


def run(control: Control, call: Call) -> Reply:
    """One run with its progress and the end of its log."""
    return Reply(run_document(control, call.path["id"]))


def run_document(control: Control, run_id: str) -> documents.RunDocument:
    """A run in full; raises NotFoundError."""
    standing.close_lost(control.application)
    jobs = control.application.ledger.jobs
    found, seen = jobs.find_work(run_id), Observed()
    if found.runner == control.runner.name:
        seen = control.runner.observe(jobs.find(run_id))
        found = jobs.find_work(run_id)
    return documents.RunDocument(
        **summary(found).model_dump(),
        inputs=found.inputs,
        outputs=found.outputs,
        progress=seen.progress if found.status == "running" else None,
        log=seen.log,
    )


def summary(work: Work) -> documents.RunSummary:
    """A run as lists have it."""
    return documents.RunSummary(
        id=work.id,
        url=run_url(work.id),
        kind=work.kind,
        status=work.status,
        parameters=work.parameters,
        requested_at=work.requested_at,
        started_at=work.started_at,
        seconds=work.seconds,
        error=work.error,
        by=work.by,
        retries=work.retries,
    )


def run_url(run_id: str) -> str:
    """Where a run is told."""
    return f"/runs/{quote(run_id, safe='')}"


def releases(control: Control, call: Call) -> Reply:
    """A page of releases, the newest first."""
    query, application = cast("ReleasesQuery", call.query), control.application
    if query.model is not None:
        require_model(application, query.model, "model")
    after = _decoded(query.cursor) if query.cursor else None
    found = [
        each
        for each in application.ledger.releases(query.model)
        if after is None or _place(each) < after
    ]
    found.sort(key=_place, reverse=True)
    shown = found[: query.limit]
    following = _cursor(*_place(shown[-1])) if len(found) > len(shown) else None
    described = [release_summary(application, each) for each in shown]
    return Reply(documents.ReleasesPage(releases=described, next=following))


def release(control: Control, call: Call) -> Reply:
    """One release with what it was made from."""
    application = control.application
    record = release_of(application, call.path["id"], cast("ModelQuery", call.query).model)
    document = documents.ReleaseDocument(
        **release_summary(application, record).model_dump(),
        location=application.releases.location(record.release),
        manifest=record.manifest,
        metrics=record.metrics,
    )
    return Reply(document)


def release_of(application: Application, name: str, model: str | None) -> ReleaseRecord:
    """The release with this id or version; raises RequestError, NotFoundError."""
    if model is not None:
        require_model(application, model, "model")
    return application.ledger.find_release(application.project.model_name(model, name), name)


def release_summary(application: Application, record: ReleaseRecord) -> documents.ReleaseSummary:
    """A release as lists have it."""
    return documents.ReleaseSummary.model_validate(standing.described(application, record))


def status(control: Control, call: Call) -> Reply:
    """How models and views stand."""
    found = standing.status(control.application, datetime.now(UTC))
    return Reply(
        documents.StatusDocument.model_validate({**found, "failures": found["latest failures"]})
    )


def schedules(control: Control, call: Call) -> Reply:
    """Every schedule."""
    found = control.schedules.all(datetime.now(UTC))
    return Reply(documents.SchedulesDocument(schedules=found))


def subscriptions(control: Control, call: Call) -> Reply:
    """Every subscription."""
    found = [
        documents.SubscriptionDocument(name=each.name, url=each.url, types=each.types, by=each.by)
        for each in control.application.ledger.outbox.subscriptions()
    ]
    return Reply(documents.SubscriptionsDocument(subscriptions=found))


def require_model(application: Application, model: str, field: str, status: int = 422) -> None:
    """Raise RequestError for a model that the project does not declare."""
    if model not in application.project.models:
        known = ", ".join(application.project.models) or "none"
        raise RequestError(status, field, f"there is no model '{model}'; known are {known}")


def _current(control: Control, work: Work) -> Work:
    """A run of a state machine as it stands: of one that was stopped the ledger may not know."""
    if work.runner != STATE_MACHINES or work.status != "running":
        return work
    jobs = control.application.ledger.jobs
    control.runner.observe(jobs.find(work.id))
    return jobs.find_work(work.id)


def _place(record: ReleaseRecord) -> tuple[str, str, str]:
    """Where a release stands in the list of all; of one model, of one instant, by version."""
    return record.created_at.isoformat(), record.model, f"{record.version:09}"


def _cursor(*parts: str) -> str:
    return base64.urlsafe_b64encode("\n".join(parts).encode()).decode().rstrip("=")


def _decoded(cursor: str) -> tuple[str, ...]:
    """What a cursor was made of; raises RequestError for what is no cursor of ours."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return tuple(base64.urlsafe_b64decode(padded).decode().split("\n"))
    except (binascii.Error, ValueError) as error:
        raise _no_cursor() from error


def _run_before(cursor: str) -> tuple[datetime, str]:
    parts: Sequence[str] = _decoded(cursor)
    try:
        requested_at, run_id = parts
        instant = datetime.fromisoformat(requested_at)
    except ValueError as error:
        raise _no_cursor() from error
    if instant.tzinfo is None or "\0" in run_id:
        raise _no_cursor()
    return instant, run_id


def _no_cursor() -> RequestError:
    return RequestError(422, "cursor", "is none of this list; send the 'next' of the page before")
