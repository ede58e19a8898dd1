"""How fast a model uses up its error budget: alarms of several windows and burn rates.

After "Alerting on SLOs" in Google's SRE workbook (https://sre.google/workbook/alerting-on-slos/): a
long window, so that what is told matters, and a short one, so that it ends soon after its cause.
"""

from collections.abc import Iterator

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.metrics import Metrics
from infra.constructs.watches import Watch, alarm

NAME = "error-budget"
# The rate, and its two windows: 2 percent of 30 days' budget in an hour, 5 percent in six.
BURNS = (
    (14.4, (("1h", Duration.hours(1)), ("5m", Duration.minutes(5)))),
    (6.0, (("6h", Duration.hours(6)), ("30m", Duration.minutes(30)))),
)


def error_budgets(scope: Construct, addresses: Addresses) -> Iterator[cloudwatch.CompositeAlarm]:
    """One alarm for each model, over those of its windows, which tell nobody themselves."""
    for model in addresses.deployment.models:
        yield _of_model(scope, addresses, model)


def _of_model(scope: Construct, addresses: Addresses, model: str) -> cloudwatch.CompositeAlarm:
    promised = addresses.deployment.watching.availability
    rules = [
        cloudwatch.AlarmRule.all_of(
            *(_window(scope, addresses, model, rate, *window) for window in windows)
        )
        for rate, windows in BURNS
    ]
    return cloudwatch.CompositeAlarm(
        scope,
        f"{NAME}-{model}",
        composite_alarm_name=addresses.of_model(NAME, model),
        alarm_description=f"Errors soon use up what {promised:g} % of answers leave "
        f"({addresses.deployment.name}, {model}). See docs/operations.md#{NAME}",
        alarm_rule=cloudwatch.AlarmRule.any_of(*rules),
    )


def _window(
    scope: Construct, addresses: Addresses, model: str, rate: float, name: str, period: Duration
) -> cloudwatch.IAlarmRule:
    watch = Watch(
        NAME,
        Metrics(addresses).burn(model, period),
        round(rate * addresses.deployment.watching.error_budget_percent, 6),
        f"Errors are {rate:g} times what the budget allows, in {name}",
        1,
        1,
        subject=f"{model}-{name}",
    )
    ringing = cloudwatch.AlarmState.ALARM
    return cloudwatch.AlarmRule.from_alarm(alarm(scope, addresses, watch), ringing)
