"""The metrics of a deployment, by name: what alarms watch and the dashboard shows."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from hindcast import names
from infra.addresses import Addresses
from infra.config import PREDICT

Metric = cloudwatch.Metric
MINUTE, HOUR = Duration.minutes(1), Duration.hours(1)
FEW_MINUTES = Duration.minutes(5)
# Fewer questions, or failures, in one period say nothing of their share.
LEAST_ASKED, LEAST_FAILED = 20, 5


class Metrics:
    """Metrics of AWS services and of Hindcast itself, for one deployment."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    def gateway(
        self,
        model: str,
        name: str,
        statistic: str,
        canary: bool = False,
        period: Duration = MINUTE,
    ) -> Metric:
        """The metric of a model's stage; API Gateway keeps a canary's apart, below the stage."""
        stage = f"{model}/Canary" if canary else model
        api = {"ApiName": self._addresses.prefix, "Stage": stage}
        return _metric("AWS/ApiGateway", name, statistic, api, period)

    def answered(self, model: str, status: int) -> Metric:
        """How many answers of a model's stage had a status, as the access log says."""
        namespace = f"{names.METRICS}/{self._addresses.deployment.name}"
        return _metric(namespace, status_metric(status), "Sum", {"stage": model})

    def predict(self, model: str, name: str, statistic: str) -> Metric:
        """The metric of a model's predict function."""
        return self.function(f"{PREDICT}-{model}", name, statistic)

    def function(self, function: str, name: str, statistic: str) -> Metric:
        """A function's metric."""
        return _metric(
            "AWS/Lambda", name, statistic, {"FunctionName": self._addresses.named(function)}
        )

    def proxy(
        self, name: str, statistic: str = "Sum", target: dict[str, str] | None = None
    ) -> Metric:
        """The database proxy's metric; target: of the group and role behind it."""
        whose = {"ProxyName": self._addresses.named("proxy"), **(target or {})}
        return _metric("AWS/RDS", name, statistic, whose)

    def database(self, name: str, statistic: str) -> Metric:
        """The database instance's metric."""
        instance = {"DBInstanceIdentifier": self._addresses.named("postgres")}
        return _metric("AWS/RDS", name, statistic, instance)

    def machine(self, name: str, machine_arn: str) -> Metric:
        """A state machine's metric."""
        return _metric("AWS/States", name, "Sum", {"StateMachineArn": machine_arn})

    def bad_ends(self, machine_arn: str) -> cloudwatch.MathExpression:
        """How many executions of a state machine failed, or ran into its timeout.

        Filled, as a metric without a value would leave the sum without one.
        """
        return cloudwatch.MathExpression(
            expression="FILL(failed, 0) + FILL(timed_out, 0)",
            using_metrics={
                "failed": self.machine("ExecutionsFailed", machine_arn),
                "timed_out": self.machine("ExecutionsTimedOut", machine_arn),
            },
            label="failed or timed out",
            period=MINUTE,
        )

    def queue(self, name: str, queue: str) -> Metric:
        """A queue's metric."""
        return _metric("AWS/SQS", name, "Maximum", {"QueueName": self._addresses.named(queue)})

    def topic(self, name: str, topic: str) -> Metric:
        """A topic's metric."""
        return _metric("AWS/SNS", name, "Sum", {"TopicName": self._addresses.named(topic)})

    def rule(self, name: str, rule: str) -> Metric:
        """An EventBridge rule's metric."""
        return _metric("AWS/Events", name, "Sum", {"RuleName": self._addresses.named(rule)})

    def hindcast(
        self,
        name: str,
        kind: str,
        subject: str,
        period: Duration = HOUR,
        statistic: str = "Maximum",
    ) -> Metric:
        """What a function says of a view or model (the kind) of this name, hourly."""
        whose = {names.METRIC_DIMENSION: self._addresses.deployment.name, kind: subject}
        return _metric(names.METRICS, name, statistic, whose, period)

    def client_error_percent(self, model: str) -> cloudwatch.MathExpression:
        """Answers that are the caller's fault, in percent of all."""
        asked = self.gateway(model, "Count", "Sum")
        return percent(self.gateway(model, "4XXError", "Sum"), asked, "4xx, percent", MINUTE)

    def unknown_id_percent(self, model: str) -> cloudwatch.MathExpression:
        """Questions about nobody that is known, in percent of all that were answered."""
        of = (names.METRIC_MODEL, model, FEW_MINUTES, "Sum")
        unknown = self.hindcast(names.METRIC_UNKNOWN_IDS, *of)
        asked = self.hindcast(names.METRIC_LOGGED, *of)
        return percent(unknown, asked, "unknown ids, percent", FEW_MINUTES)

    def uncollected_percent(self) -> cloudwatch.MathExpression:
        """Lines of answers that are not in the lake, in percent of those that were written."""
        service = (names.METRIC_SERVICE, names.PREDICT_SERVICE, HOUR, "Sum")
        collected = (names.METRIC_PART, names.ALL_PARTS, HOUR, "Sum")
        return cloudwatch.MathExpression(
            expression="100 * (logged - FILL(collected, 0)) / IF(logged > 0, logged, 1)",
            using_metrics={
                "logged": self.hindcast(names.METRIC_LOGGED, *service),
                "collected": self.hindcast(names.METRIC_COLLECTED, *collected),
            },
            label="not collected, percent",
            period=HOUR,
        )

    def burn(self, model: str, period: Duration) -> cloudwatch.MathExpression:
        """Answers that are the service's own fault in a window, in percent; of a few, 0."""
        return cloudwatch.MathExpression(
            expression=f"IF(failed >= {LEAST_FAILED}, 100 * failed / asked, 0)",
            using_metrics={
                "failed": self.gateway(model, "5XXError", "Sum", period=period),
                "asked": self.gateway(model, "Count", "Sum", period=period),
            },
            label=f"errors in {period.to_human_string()}, percent",
            period=period,
        )

    def error_percent(self, model: str, canary: bool = False) -> cloudwatch.MathExpression:
        """Answers that are the service's own fault, in percent of all."""
        who = "canary" if canary else "stage"
        errors, asked = f"{who}_errors", f"{who}_asked"  # Ids are one namespace in a graph.
        return cloudwatch.MathExpression(
            expression=f"100 * {errors} / IF({asked} > 0, {asked}, 1)",
            using_metrics={
                errors: self.gateway(model, "5XXError", "Sum", canary),
                asked: self.gateway(model, "Count", "Sum", canary),
            },
            label=f"{who}: errors, percent",
            period=MINUTE,
        )


def status_metric(status: int) -> str:
    """The name of the metric that counts answers with a status in the access log."""
    return f"Status{status}"


def total(metrics: Sequence[Metric], label: str) -> cloudwatch.MathExpression:
    """The sum of some metrics; filled, as one without a value would leave it without one."""
    named = {f"m{number}": metric for number, metric in enumerate(metrics)}
    return cloudwatch.MathExpression(
        expression=" + ".join(f"FILL({name}, 0)" for name in named),
        using_metrics=named,
        label=label,
        period=MINUTE,
    )


def percent(part: Metric, whole: Metric, label: str, period: Duration) -> cloudwatch.MathExpression:
    """A part in percent of a whole; of a whole that is too small, 0."""
    return cloudwatch.MathExpression(
        expression=f"IF(whole >= {LEAST_ASKED}, 100 * FILL(part, 0) / whole, 0)",
        using_metrics={"part": part, "whole": whole},
        label=label,
        period=period,
    )


def _metric(
    namespace: str, name: str, statistic: str, of: dict[str, str], period: Duration = MINUTE
) -> Metric:
    return Metric(
        namespace=namespace,
        metric_name=name,
        statistic=statistic,
        dimensions_map=of,
        period=period,
    )
