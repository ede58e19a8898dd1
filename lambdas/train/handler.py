"""The train Lambda: {"model", "as_of", "known_by"} -> the release that was written."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from hindcast import bootstrap
from hindcast.models.training import train


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Train as `hindcast train` does; every field of the event may be left out."""
    report = train.train(
        bootstrap.application(),
        event.get("model"),
        bootstrap.engine("duckdb"),
        bootstrap.knowledge(event.get("as_of"), event.get("known_by"), datetime.now(UTC)),
    )
    return asdict(report)
