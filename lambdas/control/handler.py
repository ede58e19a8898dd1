"""The control Lambda: {"action": ...} -> one use case -> its report, as JSON has it."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from hindcast import bootstrap, names
from hindcast.audit import prediction_log
from hindcast.bootstrap import Application
from hindcast.errors import HindcastError, InputError
from hindcast.instants import instant
from hindcast.operations import (
    data_checks,
    incoming,
    job_events,
    known_questions,
    measurements,
    migrations,
    recovery,
    release_choice,
    runs,
    status,
    vacuum,
    verification,
)
from hindcast.operations.events import posting, relay
from hindcast.stores.ledger.documents import document

Event = dict[str, Any]


def handler(event: Event, context: Any) -> dict[str, Any]:
    """Do what is asked by a state machine, a schedule or the delivery; all may be asked again."""
    action = ACTIONS.get(event.get("action", ""))
    if action is None:
        raise InputError(f"action '{event.get('action')}': use one of {', '.join(ACTIONS)}")
    report = document(action(bootstrap.application(), event))
    # A schedule drops the answer: the log keeps it.
    sys.stdout.write(json.dumps({"action": event["action"], "report": report}) + "\n")
    return report


def _open_run(application: Application, event: Event) -> Event:
    given = (event["kind"], event["run"], event["execution"], event.get("model"))
    return asdict(runs.open_run(application, *given, event.get("parameters") or {}))


def _close_run(application: Application, event: Event) -> Event:
    outputs, failure = event.get("outputs") or {}, event.get("failure")
    return asdict(runs.close_run(application, event["run"], outputs, failure))


def _find_run(application: Application, event: Event) -> Event:
    return asdict(application.ledger.jobs.find_work(event["run"]))


def _close_job(application: Application, event: Event) -> Event:
    return asdict(runs.close_job(application, event["run"], event.get("failure")))


def _check_data(application: Application, event: Event) -> Event:
    as_of = event.get("as_of")
    asked = instant(as_of, "as_of") if as_of else datetime.now(UTC)
    allowed = data_checks.limits(event.get("limits") or {})
    given = (event.get("views"), asked, allowed, event.get("live", False))
    return asdict(data_checks.check(application, *given))


def _trained(application: Application, event: Event) -> Event:
    clocks = bootstrap.knowledge(event["as_of"], event["known_by"], datetime.now(UTC))
    return {"release": runs.trained(application, event.get("model"), clocks)}


def _find_release(application: Application, event: Event) -> Event:
    given = (event.get("model"), event.get("release"), event.get("rollback"))
    return asdict(release_choice.choose(application, *given))


def _known_questions(application: Application, event: Event) -> Event:
    given = (event.get("model"), event["release"], datetime.now(UTC))
    return asdict(known_questions.find(application, *given))


def _promote(application: Application, event: Event) -> Event:
    given = (event.get("model"), event["release"], event.get("reason"))
    by = event.get("by")
    return asdict(runs.promote(application.acting_for(by) if by else application, *given))


def _take_back(application: Application, event: Event) -> Event:
    return asdict(runs.take_back(application, event.get("model"), event["release"]))


def _measure(application: Application, event: Event) -> Event:
    lost = status.close_lost(application)
    return {**asdict(measurements.measure(application, datetime.now(UTC))), "lost_runs": lost}


def _compact(application: Application, event: Event) -> Event:
    try:
        replaced = prediction_log.compact(application.lake)
    except HindcastError:
        measurements.tell(application, names.METRIC_COMPACTION, 1, datetime.now(UTC))
        raise
    measurements.tell(application, names.METRIC_COMPACTION, 0, datetime.now(UTC))
    return {"replaced": replaced}


def _vacuum(application: Application, event: Event) -> Event:
    # Nobody deployed may delete files of events or answers, which cannot be computed again.
    given = (datetime.now(UTC), event.get("apply", False), [names.FEATURES])
    return asdict(vacuum.vacuum(application, *given))


def _ingest(application: Application, event: Event) -> Event:
    if "created" in event:
        report = incoming.ingest(application, event["created"], datetime.now(UTC))
        return asdict(report) if report else {}
    given = (event["files"], event.get("source"), job_events.now(event), event.get("force", False))
    return asdict(incoming.ingest_files(job_events.acting(application, event), *given))


def _verify(application: Application, event: Event) -> Event:
    found = verification.verify(application, event.get("parts", verification.QUICK))
    measurements.tell(application, names.METRIC_DAMAGE, len(found.damage), datetime.now(UTC))
    if found.damage:
        raise HindcastError("; ".join(f"{each.part}: {each.what}" for each in found.damage))
    return asdict(found)


def _recover(application: Application, event: Event) -> Event:
    return asdict(recovery.recover(application, event["heads"]))


def _migrate(application: Application, event: Event) -> Event:
    return asdict(migrations.migrate(application))


def _deliver_events(application: Application, event: Event) -> Event:
    return asdict(relay.relay_of(application).drain_loudly())


def _dead_letters(application: Application, event: Event) -> Event:
    found = application.ledger.outbox.undelivered()
    return {"letters": [{**asdict(what), **asdict(last), "id": what.id} for what, last in found]}


def _resend_events(application: Application, event: Event) -> Event:
    return {"resent": application.ledger.outbox.resend(event.get("event"), event.get("sink"))}


def _post_webhook(application: Application, event: Event) -> Event:
    return posting.answer(event)


ACTIONS: dict[str, Callable[[Application, Event], Event]] = {
    "open_run": _open_run,
    "close_run": _close_run,
    "close_job": _close_job,
    "find_run": _find_run,
    "check_data": _check_data,
    "trained": _trained,
    "find_release": _find_release,
    "known_questions": _known_questions,
    "promote": _promote,
    "take_back": _take_back,
    "measure": _measure,
    "compact": _compact,
    "vacuum": _vacuum,
    "ingest": _ingest,
    "verify": _verify,
    "recover": _recover,
    "migrate": _migrate,
    "deliver_events": _deliver_events,
    posting.ACTION: _post_webhook,
    "dead_letters": _dead_letters,
    "resend_events": _resend_events,
}
