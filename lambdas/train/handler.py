"""The train Lambda: {"model", "as_of", "known_by", "from", "until"} -> the release it wrote."""

from dataclasses import asdict
from typing import Any

from hindcast.operations.training_job import train_for


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Train as `hindcast train` does; every field of the event may be left out."""
    return asdict(train_for(event))
