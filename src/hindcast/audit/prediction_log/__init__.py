"""The prediction log: lines of the service, collected into the Delta table `predictions`."""

from hindcast.audit.prediction_log.collector import CollectReport, collect, compact
from hindcast.audit.prediction_log.inputs import Stream
from hindcast.audit.prediction_log.reader import (
    asked,
    count_before,
    every,
    find,
    materializations,
    of_entity,
    sample,
)
from hindcast.audit.prediction_log.rows import doubt, key_text

__all__ = [
    "CollectReport",
    "Stream",
    "asked",
    "collect",
    "compact",
    "count_before",
    "doubt",
    "every",
    "find",
    "key_text",
    "materializations",
    "of_entity",
    "sample",
]
