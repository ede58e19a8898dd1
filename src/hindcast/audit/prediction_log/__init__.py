"""The prediction log: lines of the service, collected into the Delta table `predictions`."""

from hindcast.audit.prediction_log.collector import CollectReport, collect, compact
from hindcast.audit.prediction_log.inputs import Stream
from hindcast.audit.prediction_log.reader import find, of_entity, sample

__all__ = ["CollectReport", "Stream", "collect", "compact", "find", "of_entity", "sample"]
