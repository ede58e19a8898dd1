"""Batches: the state machine that scores one, by hand, by schedule, or when new data come."""

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.constructs.machine import Machine
from infra.permissions import allow, allow_key, role

if TYPE_CHECKING:
    from infra.stacks.data import DataStack
    from infra.stacks.models import ModelsStack

# What a batch may be given as new data; the YAML that lies beside them starts nothing.
ENDINGS = (".csv", ".jsonl", ".parquet")
BATCH = "batch.yaml"


class Batch(Construct):
    """The state machine of step_functions/batch.asl.json, and the rule on what is to be scored."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        addresses: Addresses,
        data: "DataStack",
        models: "ModelsStack",
        failed: sqs.Queue,
    ) -> None:
        super().__init__(scope, id)
        self._lake = addresses.uri("lake")
        batch, control = models.functions.batch.function, models.functions.control.function
        topic, job = addresses.topic_arn(self), addresses.named("batch")
        values = {
            "BatchFunctionArn": batch.function_arn,
            "ControlFunctionArn": control.function_arn,
            "BatchJobName": job,
            "TopicArn": topic,
        }
        machine = Machine(self, "Batch", addresses, "batch", "batch", values, data.key)
        self.machine = machine.machine
        allow(machine.role, ["lambda:InvokeFunction"], [batch.function_arn, control.function_arn])
        arn = Stack.of(self).format_arn(service="glue", resource="job", resource_name=job)
        runs = ("StartJobRun", "GetJobRun", "GetJobRuns", "BatchStopJobRun")
        allow(machine.role, [f"glue:{each}" for each in runs], [arn])
        allow(machine.role, ["sns:Publish"], [topic])
        allow_key(machine.role, data.key.key_arn)
        self._start_on_data(addresses, data, failed)

    def scored(self, name: str) -> dict[str, str]:
        """What the batch of a folder below to-score/ is started with."""
        return {"config": f"{self._lake}/{names.TO_SCORE}/{name}/{BATCH}"}

    def _start_on_data(self, addresses: Addresses, data: "DataStack", failed: sqs.Queue) -> None:
        starts = role(self, "Role", "events.amazonaws.com", "Starts batches on new data")
        allow(starts, ["states:StartExecution"], [self.machine.state_machine_arn])
        allow(starts, ["sqs:SendMessage"], [failed.queue_arn])
        allow_key(starts, data.key.key_arn)
        keys = [{"wildcard": f"{names.TO_SCORE}/*{ending}"} for ending in ENDINGS]
        given = {"created": events.EventField.from_path("$.detail")}
        events.Rule(
            self,
            "Created",
            rule_name=addresses.named("to-score"),
            description="A file was put beside a batch.yaml below to-score/ of the lake's bucket",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={"bucket": {"name": [addresses.bucket("lake")]}, "object": {"key": keys}},
            ),
            targets=[
                targets.SfnStateMachine(
                    self.machine,
                    input=events.RuleTargetInput.from_object(given),
                    dead_letter_queue=failed,
                    role=starts.without_policy_updates(),
                )
            ],
        )
