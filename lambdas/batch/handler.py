"""The batch Lambda: {"config", "data", "run", "as_of", "known_by"} -> a scored batch's report."""

from dataclasses import asdict
from typing import Any

from hindcast import bootstrap
from hindcast.operations.batch.requested import requested
from hindcast.operations.batch.run import run_batch


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Score as `hindcast batch` does; one that is declared for Spark is left to it, and says so."""
    batch = requested(event)
    if batch.config.engine == "spark":
        return {"engine": "spark"}
    return asdict(run_batch(bootstrap.application(), batch, event.get("run")))
