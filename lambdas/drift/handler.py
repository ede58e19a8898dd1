"""The drift Lambda: {"model": ...}, or nothing for all -> checks, their metric, and rebuilds."""

from typing import Any

from hindcast import names
from hindcast.errors import InputError
from hindcast.operations import job_events
from hindcast.operations.drift import check, metrics, rebuilds
from hindcast.stores.ledger.documents import document


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Check as `hindcast drift` does; an alert starts the model's rebuild, if none did lately.

    A window that is named, "from" an instant "until" another, may be over: it starts none, and
    is no metric.
    """
    application, until = job_events.application(event), job_events.given(event, "until")
    deployment = application.settings.deployment
    if deployment is None:
        raise InputError(f"{names.ENV_DEPLOYMENT} is not set: it says whose the metrics are")
    end, since = until or job_events.now(event), job_events.given(event, "from")
    checked = {}
    for model in check.models(application, event.get("model")):
        report = check.check(application, model, end, since)
        checked[model] = {"run": report.run, "alerts": report.alerts, "rebuild": None}
        if until is None and since is None:
            metrics.write(report, deployment)
            checked[model]["rebuild"] = rebuilds.start_machine(application, report).started
    return document(checked)
