"""When things start: EventBridge Scheduler, by cron in the deployment's time zone."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import Duration, TimeZone
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.addresses import Addresses
from infra.permissions import allow, allow_key, role

# When exactly matters to nothing that takes minutes.
WITHIN = scheduler.TimeWindow.flexible(Duration.minutes(15))


class Schedules(Construct):
    """A schedule for each thing, and a role that may start just these."""

    def __init__(
        self, scope: Construct, id: str, addresses: Addresses, key: kms.IKey, failed: sqs.Queue
    ) -> None:
        super().__init__(scope, id)
        self._addresses, self._key, self._failed = addresses, key, failed
        self.role = role(self, "Role", "scheduler.amazonaws.com", "Starts the state machines")
        allow(self.role, ["sqs:SendMessage"], [failed.queue_arn])
        allow_key(self.role, key.key_arn)

    def start(self, name: str, machine: sfn.StateMachine, cron: str, given: dict[str, Any]) -> None:
        """Start a machine by a cron expression, with an input."""
        target = targets.StepFunctionsStartExecution(machine, **self._options(given))
        self._schedule(name, target, cron)

    def allow_starting(self, machines: Sequence[str]) -> None:
        """Let schedules start machines by these ARNs: those that the control API makes, too."""
        allow(self.role, ["states:StartExecution"], machines)

    def call(
        self,
        name: str,
        function: lambda_.IFunction,
        cron: str,
        given: dict[str, Any],
        window: scheduler.TimeWindow = WITHIN,
    ) -> None:
        """Call a function by a cron or rate expression, with an event."""
        allow(self.role, ["lambda:InvokeFunction"], [function.function_arn])
        self._schedule(name, targets.LambdaInvoke(function, **self._options(given)), cron, window)

    def _options(self, given: dict[str, Any]) -> dict[str, Any]:
        return {
            # Without updates: the permissions are those written here.
            "role": self.role.without_policy_updates(),
            "dead_letter_queue": self._failed,
            "input": scheduler.ScheduleTargetInput.from_object(given),
            # A start that comes hours late would only meet the next one.
            "max_event_age": Duration.hours(2),
            "retry_attempts": 5,
        }

    def _schedule(
        self,
        name: str,
        target: scheduler.IScheduleTarget,
        cron: str,
        window: scheduler.TimeWindow = WITHIN,
    ) -> None:
        zone = TimeZone.of(self._addresses.deployment.schedule.timezone)
        scheduler.Schedule(
            self,
            name,
            schedule_name=self._addresses.named(name),
            schedule=scheduler.ScheduleExpression.expression(cron, zone),
            time_window=window,
            key=self._key,
            target=target,
        )
