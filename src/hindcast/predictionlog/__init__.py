"""The prediction log: lines of the service, collected into the Delta table `predictions`."""

from hindcast.predictionlog.collector import CollectReport, collect, compact
from hindcast.predictionlog.inputs import Stream
from hindcast.predictionlog.reader import find, sample

__all__ = ["CollectReport", "Stream", "collect", "compact", "find", "sample"]
