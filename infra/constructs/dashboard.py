"""The dashboard: for each model whether it answers and how fast; from what data."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.config import Deployment
from infra.constructs.metrics import HOUR, Metrics

WIDTH = 6  # Of 24: four graphs in a row.
SHOWN = 100  # Alarms that one widget takes.


class Dashboard(Construct):
    """One page for one deployment."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        addresses: Addresses,
        alarms: Sequence[cloudwatch.AlarmBase],
    ) -> None:
        super().__init__(scope, id)
        self._metrics = Metrics(addresses)
        cloudwatch.Dashboard(
            self,
            "Page",
            dashboard_name=addresses.prefix,
            default_interval=Duration.days(1),
            widgets=[
                *(_alarms(alarms[at : at + SHOWN]) for at in range(0, len(alarms), SHOWN)),
                *map(self._model, addresses.deployment.models),
                self._database(),
                self._data(addresses.deployment),
                self._answers(addresses.deployment),
            ],
        )

    def _model(self, model: str) -> list[cloudwatch.IWidget]:
        metrics = self._metrics
        errors = [metrics.error_percent(model, canary) for canary in (False, True)]
        latency = [metrics.gateway(model, "Latency", p) for p in ("p50", "p95", "p99")]
        return [
            _graph(
                f"{model}: requests",
                metrics.gateway(model, "Count", "Sum"),
                metrics.gateway(model, "Count", "Sum", canary=True),
            ),
            _graph(f"{model}: errors, percent", *errors),
            _graph(f"{model}: latency, ms", *latency),
            _graph(
                f"{model}: predict",
                metrics.predict(model, "Errors", "Sum"),
                metrics.predict(model, "Throttles", "Sum"),
                metrics.predict(model, "ConcurrentExecutions", "Maximum"),
            ),
        ]

    def _database(self) -> list[cloudwatch.IWidget]:
        metrics = self._metrics
        return [
            _graph(
                "Proxy connections",
                metrics.proxy("ClientConnections"),
                metrics.proxy("DatabaseConnections"),
                metrics.proxy("DatabaseConnectionsCurrentlySessionPinned"),
            ),
            _graph(
                "Postgres",
                metrics.database("CPUUtilization", "Average"),
                metrics.database("DatabaseConnections", "Maximum"),
            ),
        ]

    def _data(self, deployment: Deployment) -> list[cloudwatch.IWidget]:
        view, model = names.METRIC_VIEW, names.METRIC_MODEL
        shown = (
            ("Age of features, hours", names.METRIC_FEATURE_AGE, view, deployment.views),
            ("Age of models, days", names.METRIC_MODEL_AGE, model, deployment.models),
            ("Drift", names.METRIC_DRIFT, model, deployment.models),
        )
        return [
            _graph(title, *(self._metrics.hindcast(name, kind, one) for one in subjects))
            for title, name, kind, subjects in shown
        ]

    def _answers(self, deployment: Deployment) -> list[cloudwatch.IWidget]:
        metrics = self._metrics
        unknown = [metrics.unknown_id_percent(model) for model in deployment.models]
        service = (names.METRIC_SERVICE, names.PREDICT_SERVICE, HOUR, "Sum")
        whole = (names.METRIC_PART, names.ALL_PARTS, HOUR, "Sum")
        return [
            *(
                _graph(f"{model}: unknown ids, percent", one)
                for model, one in zip(deployment.models, unknown, strict=True)
            ),
            _graph(
                "Answers logged and collected",
                metrics.hindcast(names.METRIC_LOGGED, *service),
                metrics.hindcast(names.METRIC_COLLECTED, *whole),
            ),
        ]


def _alarms(alarms: Sequence[cloudwatch.AlarmBase]) -> list[cloudwatch.IWidget]:
    return [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=24)]


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=WIDTH)
