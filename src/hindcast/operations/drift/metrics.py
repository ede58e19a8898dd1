"""Drift as a metric: a line in CloudWatch's embedded metric format, which needs no permission."""

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from hindcast import names
from hindcast.operations.drift.findings import DriftReport


def write(report: DriftReport, deployment: str) -> None:
    """Write to standard output how many alerts a check of a model had; 0 where it had none."""
    metrics = EphemeralMetrics(namespace=names.METRICS)
    metrics.add_dimension(name=names.METRIC_DIMENSION, value=deployment)
    metrics.add_dimension(name=names.METRIC_MODEL, value=report.model)
    metrics.add_metric(names.METRIC_DRIFT, MetricUnit.Count, report.alerts)
    metrics.flush_metrics()
