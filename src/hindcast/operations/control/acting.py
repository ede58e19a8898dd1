"""The routes that change something: jobs, promotions, schedules, subscriptions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from hindcast.bootstrap import Application
from hindcast.errors import ConflictError, NotFoundError
from hindcast.operations.control import documents
from hindcast.operations.control.bodies import (
    ModelQuery,
    PromoteBody,
    RollbackBody,
    ScheduleBody,
    SubscriptionBody,
)
from hindcast.operations.control.control import Call, Control, Reply
from hindcast.operations.control.jobs import (
    Runner,
    command_of,
    known_command,
    parameters,
    unique_text,
)
from hindcast.operations.control.reading import (
    release_of,
    require_model,
    run_document,
    run_url,
)
from hindcast.operations.events import subscriptions
from hindcast.serving.requests import RequestError
from hindcast.stores.ledger import Job, JobSchedule

BATCH = "batch"
RETRYABLE = ("failed", "cancelled", "interrupted")


def start(control: Control, call: Call) -> Reply:
    """Start a job."""
    command = call.path["job"]
    given = parameters(known_command(command), call.raw, control.application.project)
    return _submitted(control, call, command, given)


def retry(control: Control, call: Call) -> Reply:
    """Start what a run did again, as a run of its own."""
    job = control.application.ledger.jobs.find(_job(control, call.path["id"]))
    if job.status not in RETRYABLE:
        raise ConflictError(f"run '{job.id}' has the status {job.status}; there is none to repeat")
    given = _resumed(control.application, job) if job.command == BATCH else job.parameters
    return _submitted(control, call, job.command, given, job.id)


def cancel(control: Control, call: Call) -> Reply:
    """Stop a run; one that was cancelled already stays so."""
    run_id = _job(control, call.path["id"])
    found = run_document(control, run_id)
    if found.status in ("queued", "running"):
        job = control.application.ledger.jobs.find(run_id)
        control.runner.cancel(job, f"cancelled by {call.caller.name}")
    elif found.status != "cancelled":
        raise ConflictError(f"run '{run_id}' has the status {found.status} already")
    return Reply(run_document(control, run_id))


def promote(control: Control, call: Call) -> Reply:
    """Put a release into production; the one that is there stays."""
    body, model = cast("PromoteBody", call.body), cast("ModelQuery", call.query).model
    found = release_of(control.application, call.path["id"], model)
    by = call.caller.name
    unique = unique_text(by, call.key)
    done = control.promoter.promote(found.model, found.release, body.reason, by, unique)
    return _promoted(done)


def roll_back(control: Control, call: Call) -> Reply:
    """Bring back the release that was in production before."""
    model, body = call.path["model"], cast("RollbackBody", call.body)
    require_model(control.application, model, "model", status=404)
    by = call.caller.name
    unique = unique_text(by, call.key)
    return _promoted(control.promoter.roll_back(model, body.release, by, unique))


def schedule(control: Control, call: Call) -> Reply:
    """Say when a job starts by itself."""
    body, job, by = cast("ScheduleBody", call.body), call.path["job"], call.caller.name
    return Reply(control.schedules.put(job, body.cron, body.paused, body.parameters, by))


def scheduled(application: Application, job: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a schedule's job is given, complete; raises RequestError.

    job: the command, or command.name where it has several schedules.
    """
    command = command_of(job)
    try:
        return parameters(command, given, application.project)
    except RequestError as error:
        raise RequestError(error.status, f"parameters.{error.field}", error.message) from error


def start_due(application: Application, runner: Runner, due: JobSchedule, at: datetime) -> None:
    """Start the job of a schedule that was due at an instant; the same is started once."""
    command, by = command_of(due.name), f"schedule {due.name}"
    given = parameters(command, due.parameters, application.project)
    run_id = runner.run_id(command, given, unique_text(by, at.isoformat()))
    runner.submit(application.ledger.jobs.add(run_id, command, given, runner.name, by))


def subscribe(control: Control, call: Call) -> Reply:
    """Post events to a URL from now on; the secret they are signed with is told this once."""
    body, application = cast("SubscriptionBody", call.body), control.application
    made = subscriptions.subscribe(
        application.settings,
        application.ledger.outbox,
        body.name,
        body.url,
        body.types,
        call.caller.name,
    )
    document = documents.SubscriptionDocument(
        name=made.name, url=made.url, types=made.types, by=call.caller.name, secret=made.secret
    )
    return Reply(document, secret=frozenset({"secret"}))


def unsubscribe(control: Control, call: Call) -> Reply:
    """Post nothing more to a subscription."""
    application, name = control.application, call.path["name"]
    outbox, by = application.ledger.outbox, call.caller.name
    ended = subscriptions.unsubscribe(application.settings, outbox, name, by)
    return Reply(
        documents.SubscriptionDocument(name=ended.name, url=ended.url, types=ended.types, by=by)
    )


def _job(control: Control, run_id: str) -> str:
    """The id of a run that this API may repeat and cancel; raises NotFoundError, ConflictError."""
    found = control.application.ledger.jobs.find_work(run_id)
    if found.runner != control.runner.name:
        raise ConflictError(f"run '{run_id}' is no job of this API; whoever started it stops it")
    return run_id


def _resumed(application: Application, job: Job) -> Mapping[str, Any]:
    """What makes a batch go on where it stopped, if it had begun."""
    given = {"run_id": job.id, **job.parameters}
    try:
        application.ledger.find_run(given["run_id"])
    except NotFoundError:
        return job.parameters
    return given


def _submitted(
    control: Control,
    call: Call,
    command: str,
    given: Mapping[str, Any],
    retries: str | None = None,
) -> Reply:
    """Keep a job in the ledger and have it done; a key gives the same job each time."""
    by, runner = call.caller.name, control.runner
    run_id = runner.run_id(command, given, unique_text(by, call.key))
    job = control.application.ledger.jobs.add(run_id, command, given, runner.name, by, retries)
    runner.submit(job)
    return Reply(run_document(control, job.id), run_url(job.id))


def _promoted(document: documents.PromotionDocument) -> Reply:
    return Reply(document, run_url(document.run) if document.run else None)
