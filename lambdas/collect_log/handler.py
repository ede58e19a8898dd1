"""The collect-log Lambda: CloudWatch's subscription record -> the lake, as a report."""

from dataclasses import asdict
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from hindcast import settings
from hindcast.audit.prediction_log import Stream, collect
from hindcast.stores.lake import Lake


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Collect as `hindcast collect-log` does; a record that comes twice adds nothing."""
    data = BytesIO(event["awslogs"]["data"].encode())
    return asdict(collect([Stream("awslogs", data)], Lake(settings.load().lake), datetime.now(UTC)))
