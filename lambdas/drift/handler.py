"""The drift Lambda: {"model": ...}, or nothing for all -> checks, their metric, and rebuilds."""

from datetime import UTC, datetime
from typing import Any

from hindcast import bootstrap, names
from hindcast.errors import InputError
from hindcast.operations.drift import check, metrics, rebuilds
from hindcast.stores.ledger.documents import document


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Check as `hindcast drift` does; an alert starts the model's rebuild, if none did lately."""
    application, now = bootstrap.application(), datetime.now(UTC)
    deployment = application.settings.deployment
    if deployment is None:
        raise InputError(f"{names.ENV_DEPLOYMENT} is not set: it says whose the metrics are")
    checked = {}
    for model in check.models(application, event.get("model")):
        report = check.check(application, model, now)
        metrics.write(report, deployment)
        rebuild = rebuilds.start_machine(application, report)
        checked[model] = {"run": report.run, "alerts": report.alerts, "rebuild": rebuild.started}
    return document(checked)
