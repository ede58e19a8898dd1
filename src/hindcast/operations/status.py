"""How things stand, from the ledger and the online store."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any

from hindcast.bootstrap import Application
from hindcast.compiler.document import definition_hash
from hindcast.definitions import TASKS
from hindcast.errors import HindcastError
from hindcast.stores.ledger import ReleaseRecord, Run
from hindcast.stores.online import ViewVersion
from hindcast.traffic.local_stage import LocalStage

FAILURES_SHOWN = 3


def releases(application: Application, model: str | None) -> list[dict[str, Any]]:
    """A model's releases, newest first, with their state; unrecorded folders are recorded first."""
    from hindcast.models import register

    register.catch_up(application)
    declared = application.project.model(model).name
    return [described(application, record) for record in application.ledger.releases(declared)]


def described(application: Application, record: ReleaseRecord) -> dict[str, Any]:
    """A release with its state, what it is worth, and where its card is."""
    from hindcast.models import register

    # Where releases are now: what is recorded may be of a region that was lost.
    location = application.releases.location(record.release)
    return {
        **asdict(record),
        "location": location,
        "state": register.state(application, record),
        "worth": _worth(record.metrics),
        "trained_as_of": record.manifest["as_of"],
        "card": f"{location}.html",
    }


def _worth(metrics: Mapping[str, Any]) -> str:
    """What a release is worth by the metric of its task, such as "mae 12.3408"."""
    name = TASKS[metrics.get("task", "binary")].compared[0]
    value = metrics["holdout"][name]
    return f"{name} {'not defined' if value is None else format(value, '.4f')}"


def close_lost(application: Application) -> int:
    """End the runs whose processes are gone; how many.

    Who may not, or cannot now, is shown them as they are.
    """
    with suppress(HindcastError):
        return application.ledger.close_lost()
    return 0


def status(application: Application, now: datetime) -> dict[str, Any]:
    """Per model and feature view what is in production, and the latest runs that failed."""
    close_lost(application)
    ledger, shown = application.ledger, FAILURES_SHOWN
    failed = [*ledger.runs(status="failed", limit=shown), *ledger.runs(None, "interrupted", shown)]
    failed.sort(key=lambda run: run.started_at, reverse=True)
    return {
        "models": {name: _model(application, name, now) for name in application.project.models},
        "features": {name: _view(application, name, now) for name in application.project.declared},
        "latest failures": [_failure(run) for run in failed[:shown]],
    }


def _failure(run: Run) -> dict[str, Any]:
    return {"run": run.id, "kind": run.kind, "started_at": run.started_at, "error": run.error}


def _model(application: Application, model: str, now: datetime) -> dict[str, Any]:
    champion = application.ledger.champion(model)
    records = application.ledger.releases(model)
    newest = records[0].release if records else None
    return {
        "champion": champion.release if champion else None,
        "since": champion.promoted_at if champion else None,
        "challenger": newest if champion is None or newest != champion.release else None,
        "canary": _canary(LocalStage(application.settings.home, model), now),
        "releases": len(records),
    }


def _canary(stage: LocalStage, now: datetime) -> dict[str, Any] | None:
    """The release that answers a share of the traffic, and its percentage."""
    found = stage.read().at(now) if stage.exists else None
    if found is None or found.canary is None:
        return None
    return {"release": found.canary, "percent": found.percent}


def _view(application: Application, view: str, now: datetime) -> dict[str, Any]:
    version = application.store.current(
        ViewVersion(view, definition_hash(application.project.declared[view]))
    )
    return {
        "as_of": version.as_of if version else None,
        "age_seconds": (now - version.as_of).total_seconds() if version else None,
        "rows": version.rows if version else 0,
        "materialization": version.run_id if version else None,
        "swapped_at": version.swapped_at if version else None,
    }
