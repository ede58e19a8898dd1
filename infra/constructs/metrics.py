"""The metrics of a deployment, by name: what alarms watch and the dashboard shows."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from hindcast import names
from infra.addresses import Addresses
from infra.config import PREDICT

Metric = cloudwatch.Metric
MINUTE, HOUR = Duration.minutes(1), Duration.hours(1)


class Metrics:
    """Metrics of AWS services and of Hindcast itself, for one deployment."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    def gateway(self, model: str, name: str, statistic: str, canary: bool = False) -> Metric:
        """The metric of a model's stage; API Gateway keeps a canary's apart, below the stage."""
        stage = f"{model}/Canary" if canary else model
        api = {"ApiName": self._addresses.prefix, "Stage": stage}
        return _metric("AWS/ApiGateway", name, statistic, api)

    def predict(self, model: str, name: str, statistic: str) -> Metric:
        """The metric of a model's predict function."""
        return self.function(f"{PREDICT}-{model}", name, statistic)

    def function(self, function: str, name: str, statistic: str) -> Metric:
        """A function's metric."""
        return _metric(
            "AWS/Lambda", name, statistic, {"FunctionName": self._addresses.named(function)}
        )

    def proxy(self, name: str) -> Metric:
        """The database proxy's metric."""
        return _metric("AWS/RDS", name, "Sum", {"ProxyName": self._addresses.named("proxy")})

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

    def hindcast(self, name: str, kind: str, subject: str, period: Duration = HOUR) -> Metric:
        """What a function says of a view or model (the kind) of this name, hourly."""
        whose = {names.METRIC_DIMENSION: self._addresses.deployment.name, kind: subject}
        return _metric(names.METRICS, name, "Maximum", whose, period)

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
