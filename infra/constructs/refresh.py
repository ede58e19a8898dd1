"""The refresh: the Glue job, the checks of what it made, and the news of it."""

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.machine import Machine
from infra.permissions import allow, allow_key

if TYPE_CHECKING:
    from infra.stacks.data import DataStack
    from infra.stacks.models import ModelsStack


class Refresh(Construct):
    """The state machine of step_functions/refresh.asl.json, and what it may do."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        addresses: Addresses,
        data: "DataStack",
        models: "ModelsStack",
    ) -> None:
        super().__init__(scope, id)
        control = models.functions.control.function.function_arn
        topic = addresses.topic_arn(self)
        values = {
            "GlueJobName": addresses.named("refresh"),
            "ControlFunctionArn": control,
            "TopicArn": topic,
        }
        machine = Machine(self, "Refresh", addresses, "refresh", "refresh", values, data.key)
        self.machine = machine.machine
        allow(machine.role, ["lambda:InvokeFunction"], [control])
        allow_job_and_news(machine.role, addresses, topic, data.key.key_arn)


def allow_job_and_news(to: iam.Role, addresses: Addresses, topic: str, key_arn: str) -> None:
    """What both machines do: run the Glue job to its end, and tell people."""
    job = Stack.of(to).format_arn(
        service="glue", resource="job", resource_name=addresses.named("refresh")
    )
    allow(
        to,
        ["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"],
        [job],
    )
    allow(to, ["sns:Publish"], [topic])
    allow_key(to, key_arn)
