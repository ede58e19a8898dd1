"""What an alarm looks at, and when it rings."""

from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.addresses import Addresses


@dataclass(frozen=True)
class Watch:
    """An alarm: a metric above a limit, for so many minutes (or hours) of the last so many.

    subject: the view or the model that it is about, where each has an alarm of its own.
    """

    name: str
    metric: cloudwatch.IMetric
    limit: float
    means: str
    times: int = 3
    of: int = 5
    # Nobody asking is no fault; a metric that must come and does not is one.
    must_come: bool = False
    subject: str = ""
    is_below: bool = False  # It rings below the limit.

    @property
    def full_name(self) -> str:
        """The name, with the subject's."""
        return f"{self.name}-{self.subject}" if self.subject else self.name


def alarm(scope: Construct, addresses: Addresses, watch: Watch) -> cloudwatch.Alarm:
    """The alarm of a watch, which tells nobody yet."""
    missing, operator = cloudwatch.TreatMissingData, cloudwatch.ComparisonOperator
    below, above = operator.LESS_THAN_THRESHOLD, operator.GREATER_THAN_THRESHOLD
    whose = ", ".join(filter(None, (addresses.deployment.name, watch.subject)))
    return cloudwatch.Alarm(
        scope,
        watch.full_name,
        alarm_name=addresses.named(watch.full_name),
        alarm_description=f"{watch.means} ({whose}). See docs/operations.md#{watch.name}",
        metric=watch.metric,
        threshold=watch.limit,
        comparison_operator=below if watch.is_below else above,
        datapoints_to_alarm=watch.times,
        evaluation_periods=watch.of,
        treat_missing_data=missing.BREACHING if watch.must_come else missing.NOT_BREACHING,
    )
