"""The evaluate Lambda: {"model", "release", "as_of", "known_by"} -> the gate's verdict."""

from dataclasses import asdict
from typing import Any

from hindcast import bootstrap
from hindcast.models.evaluation.evaluate import evaluate
from hindcast.operations import job_events


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Judge a release as `hindcast evaluate` does; every field of the event may be left out."""
    application, release = job_events.application(event), event.get("release")
    report = evaluate(
        application,
        application.project.model_name(event.get("model"), release or ""),
        release,
        bootstrap.engine("duckdb"),
        job_events.clocks(event) if event.keys() & {"as_of", "known_by"} else None,
    )
    return asdict(report)
