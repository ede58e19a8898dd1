"""The dashboard: whether it answers, how fast, from what data, by which model."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.constructs.metrics import Metrics

HOUR = Duration.hours(1)


class Dashboard(Construct):
    """One page for one deployment."""

    def __init__(
        self, scope: Construct, id: str, addresses: Addresses, alarms: Sequence[cloudwatch.Alarm]
    ) -> None:
        super().__init__(scope, id)
        self._metrics = Metrics(addresses)
        cloudwatch.Dashboard(
            self,
            "Page",
            dashboard_name=addresses.prefix,
            default_interval=Duration.days(1),
            widgets=[
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=24)],
                self._traffic(),
                self._functions(),
                self._data(),
            ],
        )

    def _traffic(self) -> list[cloudwatch.IWidget]:
        metrics = self._metrics
        return [
            _graph(
                "Requests",
                metrics.gateway("Count", "Sum"),
                metrics.gateway("Count", "Sum", canary=True),
            ),
            _graph("Errors, percent", metrics.error_percent(), metrics.error_percent(canary=True)),
            _graph("Latency, ms", *(metrics.gateway("Latency", p) for p in ("p50", "p95", "p99"))),
        ]

    def _functions(self) -> list[cloudwatch.IWidget]:
        metrics = self._metrics
        pinned = metrics.proxy("DatabaseConnectionsCurrentlySessionPinned")
        return [
            _graph(
                "Predict",
                metrics.function("Errors", "Sum"),
                metrics.function("Throttles", "Sum"),
                metrics.function("ConcurrentExecutions", "Maximum"),
            ),
            _graph(
                "Proxy connections",
                metrics.proxy("ClientConnections"),
                metrics.proxy("DatabaseConnections"),
                pinned,
            ),
            _graph(
                "Postgres",
                metrics.database("CPUUtilization", "Average"),
                metrics.database("DatabaseConnections", "Maximum"),
            ),
        ]

    def _data(self) -> list[cloudwatch.IWidget]:
        shown = (
            ("Age of features, hours", names.METRIC_FEATURE_AGE),
            ("Age of the model, days", names.METRIC_MODEL_AGE),
            ("Drift", names.METRIC_DRIFT),
        )
        return [_graph(title, self._metrics.hindcast(name, HOUR)) for title, name in shown]


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=8)
