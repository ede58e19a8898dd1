"""The rebuild of one model: from fresh features to a release that serves all, by a canary."""

from typing import TYPE_CHECKING

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.choices import ALARM_SECONDS
from infra.config import PREDICT
from infra.constructs.machine import Machine, allow_events
from infra.constructs.refresh import allow_job_and_news
from infra.constructs.training_job import allow_training_jobs
from infra.permissions import allow, allow_key, role

if TYPE_CHECKING:
    from infra.stacks.api import ApiStack
    from infra.stacks.data import DataStack
    from infra.stacks.models import ModelsStack


class Rebuild(Construct):
    """The state machine of step_functions/rebuild.asl.json, and what it may do.

    It alone changes its model's stage, the version and the canary, and ends every canary that it
    starts. It reaches nothing that another model has to itself.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        addresses: Addresses,
        model: str,
        data: "DataStack",
        models: "ModelsStack",
        api: "ApiStack",
        failed: sqs.Queue,
    ) -> None:
        super().__init__(scope, id)
        self._addresses, self._models, self._api = addresses, models, api
        self._model, self._predict = model, f"{PREDICT}-{model}"
        self.name = f"{names.REBUILD}-{model}"
        values = self._values(data.key.key_arn)
        machine = Machine(self, "Machine", addresses, self.name, names.REBUILD, values, data.key)
        self.machine, to = machine.machine, machine.role
        allow_job_and_news(to, addresses, addresses.topic_arn(self), data.key.key_arn)
        self._allow_functions(to)
        self._allow_stage(to)
        self._allow_build(to)
        allow_training_jobs(to, self._job_prefix, models.training_job.role.role_arn)
        self._allow_looks(to)
        self._clean_up_after(data.key, failed)

    def _clean_up_after(self, key: kms.IKey, failed: sqs.Queue) -> None:
        """Start one that rolls out nothing, where one was stopped from outside or took too long.

        It ends what that one left, a canary and an open run, as it does before any work. What a
        deployment holds the stage by is stopped by the deployment itself, and touches nothing.
        """
        starts = role(self, "CleanUpRole", "events.amazonaws.com", f"Starts {self.name} again")
        allow(starts, ["states:StartExecution"], [self.machine.state_machine_arn])
        allow(starts, ["sqs:SendMessage"], [failed.queue_arn])
        allow_key(starts, key.key_arn)
        given = {"model": self._model, "release": names.NOTHING}
        target = targets.SfnStateMachine(
            self.machine,
            input=events.RuleTargetInput.from_object(given),
            dead_letter_queue=failed,
            role=starts.without_policy_updates(),
        )
        left_nothing = ['*"hold"*', f'*"{names.NOTHING}"*']
        events.Rule(
            self,
            "Stopped",
            rule_name=self._addresses.of_model("rebuild-stopped", self._model),
            description=f"{self.name} was stopped from outside, or took too long",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": [self.machine.state_machine_arn],
                    "status": ["ABORTED", "TIMED_OUT"],
                    "input": [{"anything-but": {"wildcard": left_nothing}}],
                },
            ),
            targets=[target],
        )

    def _values(self, key_arn: str) -> dict[str, str]:
        functions, addresses = self._models.functions, self._addresses
        limits = addresses.deployment.thresholds
        image = addresses.repository_arn(self, self._predict)
        parts = Stack.of(self).split_arn(image, ArnFormat.SLASH_RESOURCE_NAME)
        registry = f"{parts.account}.dkr.ecr.{parts.region}.{Stack.of(self).url_suffix}"
        return {
            "ControlFunctionArn": functions.control.function.function_arn,
            "TrainFunctionArn": functions.train.function.function_arn,
            "EvaluateFunctionArn": functions.evaluate.function.function_arn,
            "ModelName": self._model,
            "PredictFunctionName": addresses.named(self._predict),
            "PredictRepositoryUri": f"{registry}/{addresses.named(self._predict)}",
            "GlueJobName": addresses.named("refresh"),
            "BuildProjectName": addresses.of_model("release-image", self._model),
            "TrainJobPrefix": self._job_prefix,
            "TrainJobInstanceType": addresses.deployment.training.job_instance,
            "TrainJobOutputUri": self._models.training_job.output,
            "KeyArn": key_arn,
            "TrainJobRoleArn": self._models.training_job.role.role_arn,
            "RestApiId": self._api.api.rest.rest_api_id,
            "StageName": self._model,
            "ApiExecutionArn": self._api.api.execution_arn(self._model),
            "AlarmNames": ",".join(addresses.canary_alarms(self._model)),
            "AlarmSeconds": str(ALARM_SECONDS),
            "ApiName": addresses.prefix,
            "ErrorPercent": f"{limits.error_percent:g}",
            "LatencyP99Ms": str(limits.latency_p99_ms),
            "TopicArn": addresses.topic_arn(self),
        }

    @property
    def _job_prefix(self) -> str:
        """How its training jobs' names begin: SageMaker takes no _, and no model has a --."""
        return self._addresses.named(self._model).replace("_", "-") + "--"

    def _allow_functions(self, to: iam.Role) -> None:
        functions = self._models.functions
        asked = (functions.control, functions.train, functions.evaluate)
        allow(to, ["lambda:InvokeFunction"], [one.function.function_arn for one in asked])
        # Not UpdateFunctionConfiguration: what a version may do is the template's to say.
        allow(to, ["lambda:GetFunction"], [functions.train.function.function_arn])
        predict = self._addresses.function_arn(self, self._predict)
        allow(
            to,
            [
                "lambda:UpdateFunctionCode",
                "lambda:GetFunctionConfiguration",
                "lambda:PublishVersion",
                "lambda:AddPermission",
                "lambda:InvokeFunction",
            ],
            [predict, f"{predict}:*"],
            "Versions of this one function, whose numbers are not known beforehand.",
        )
        allow(
            to,
            ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [self._addresses.repository_arn(self, self._predict)],
        )

    def _allow_stage(self, to: iam.Role) -> None:
        stage = Stack.of(self).format_arn(
            service="apigateway",
            account="",
            resource="/restapis",
            resource_name=f"{self._api.api.rest.rest_api_id}/stages/{self._model}",
        )
        allow(to, ["apigateway:GET", "apigateway:PATCH"], [stage])

    def _allow_build(self, to: iam.Role) -> None:
        actions = ["codebuild:StartBuild", "codebuild:StopBuild", "codebuild:BatchGetBuilds"]
        allow(to, actions, [self._addresses.project_arn(self, f"release-image-{self._model}")])
        allow_events(to, "StepFunctionsGetEventForCodeBuildStartBuildRule")

    def _allow_looks(self, to: iam.Role) -> None:
        executions = Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{self._addresses.named(self.name)}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(
            to,
            ["states:DescribeExecution"],
            [executions],
            "Executions of this machine, whose names are not known beforehand.",
        )
        allow(
            to,
            ["cloudwatch:DescribeAlarms"],
            ["*"],
            "CloudWatch leaves composite alarms out of the answer for anything narrower.",
        )
        allow(to, ["cloudwatch:GetMetricData"], ["*"], "CloudWatch's metrics have no ARN.")
