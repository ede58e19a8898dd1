"""The collect-log Lambda: a batch of CloudWatch's subscription records -> the lake, as a report."""

import json
import sys
from base64 import b64decode
from dataclasses import asdict
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from hindcast import names, settings
from hindcast.audit.prediction_log import Stream, collect
from hindcast.stores.lake import Lake


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Collect a stream's records as `hindcast collect-log` does; what comes twice adds nothing."""
    given, now = settings.load(), datetime.now(UTC)
    report = collect(map(_stream, event["Records"]), Lake(given.lake), now)
    if given.deployment is not None:
        _measure(given.deployment, report.new, now)
    return asdict(report)


def _stream(record: dict[str, Any]) -> Stream:
    """One record: gzip of CloudWatch's document, by the place where it stands in its shard."""
    return Stream(record["eventID"], BytesIO(b64decode(record["kinesis"]["data"])))


def _measure(deployment: str, new: int, now: datetime) -> None:
    """Write how many lines came to the lake, for the alarm that holds them against those logged."""
    metric = {
        "Namespace": names.METRICS,
        "Dimensions": [[names.METRIC_DIMENSION, names.METRIC_PART]],
        "Metrics": [{"Name": names.METRIC_COLLECTED, "Unit": "Count"}],
    }
    line = {
        "_aws": {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [metric]},
        names.METRIC_DIMENSION: deployment,
        names.METRIC_PART: names.ALL_PARTS,
        names.METRIC_COLLECTED: new,
    }
    sys.stdout.write(json.dumps(line) + "\n")
