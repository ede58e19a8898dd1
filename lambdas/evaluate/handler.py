"""The evaluate Lambda: {"model", "release", "as_of", "known_by"} -> the gate's verdict."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from hindcast import bootstrap
from hindcast.models.evaluation.evaluate import evaluate


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Judge a release as `hindcast evaluate` does; every field of the event may be left out."""
    texts = event.get("as_of"), event.get("known_by")
    report = evaluate(
        bootstrap.application(),
        event.get("model"),
        event.get("release"),
        bootstrap.engine("duckdb"),
        None if texts == (None, None) else bootstrap.knowledge(*texts, datetime.now(UTC)),
    )
    return asdict(report)
