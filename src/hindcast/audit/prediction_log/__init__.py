"""The prediction log: lines of the service, collected into the Delta table `predictions`."""

from hindcast.audit.prediction_log.collector import CollectReport, collect, compact
from hindcast.audit.prediction_log.inputs import Stream
from hindcast.audit.prediction_log.reader import find, of_entity, sample
from hindcast.audit.prediction_log.rows import key_text

__all__ = [
    "CollectReport",
    "Stream",
    "collect",
    "compact",
    "find",
    "key_text",
    "of_entity",
    "sample",
]
