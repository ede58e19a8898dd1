"""The control API: a REST API of its own for people and pipelines, and the function behind it."""

import json

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from hindcast import names
from infra.constructs.image_function import FunctionSpec, ImageFunction, Room
from infra.constructs.jobs import machine_arns
from infra.constructs.logs import log_group
from infra.constructs.model_stage import ACCESS_FIELDS
from infra.constructs.models import Functions
from infra.permissions import acknowledge, allow, allow_read

NAME = "control-api"
STAGE = "control"
SECONDS_TO_ANSWER = 29  # API Gateway waits no longer.
REQUESTS_PER_SECOND, REQUESTS_BURST = 20, 40


class ControlApi(Construct):
    """Every path leads to one function, which knows the routes; who calls is IAM's to say.

    schedules_role: the ARN of what starts machines by itself, which a changed schedule keeps.
    firewall: that of the deployment's web ACL.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        room: Room,
        functions: Functions,
        schedules_role: str,
        firewall: str,
    ) -> None:
        super().__init__(scope, id)
        self._room, self._addresses = room, room.addresses
        self.function = self._function(functions)
        self._allow(functions, schedules_role)
        self.rest = self._api()
        waf.CfnWebACLAssociation(
            self,
            "Firewall",
            resource_arn=self.rest.deployment_stage.stage_arn,
            web_acl_arn=firewall,
        )
        cdk.CfnOutput(self, "Url", value=self.rest.url)

    def _function(self, functions: Functions) -> ImageFunction:
        deployment = self._addresses.deployment
        environment = {
            **functions.places(NAME),
            **self._room.proofs.proving(),
            names.ENV_MACHINES: self._addresses.machine_arn(self, ""),
            names.ENV_ROLES: json.dumps(dict(deployment.roles), sort_keys=True),
        }
        spec = FunctionSpec(
            NAME,
            "Answers the control API: jobs, runs, releases, schedules",
            2048,
            SECONDS_TO_ANSWER,
            environment=environment,
        )
        return ImageFunction(self, "Function", self._room, spec)

    def _allow(self, functions: Functions, schedules_role: str) -> None:
        to, addresses = self.function.role, self._addresses
        functions.allow_looking(to, NAME)
        self._room.proofs.allow_proving(to)
        allow_read(to, addresses.bucket_arn("lake"), names.REPORTS)
        machines = machine_arns(self, addresses)
        allow(to, ["states:StartExecution"], machines)
        executions = [f"{arn.replace(':stateMachine:', ':execution:')}:*" for arn in machines]
        allow(
            to,
            ["states:DescribeExecution", "states:GetExecutionHistory", "states:StopExecution"],
            executions,
            "Executions of these machines, which are named when they start.",
        )
        allow(
            to,
            [f"secretsmanager:{verb}Secret" for verb in ("Create", "Delete")]
            + ["secretsmanager:PutSecretValue"],
            [addresses.subscription_secrets_arn(self)],
            "The secrets of this deployment's subscriptions, whatever their names.",
        )
        schedules = cdk.Stack.of(self).format_arn(
            service="scheduler",
            resource="schedule",
            resource_name=f"default/{addresses.prefix}-*",
        )
        allow(
            to,
            [f"scheduler:{verb}Schedule" for verb in ("Get", "Create", "Update")],
            [schedules],
            "The schedules of this deployment, whatever they start.",
        )
        # Whoever makes a schedule under a key must be able to look at it.
        allow(to, ["kms:DescribeKey"], [self._room.key.key_arn])
        allow(to, ["scheduler:ListSchedules"], ["*"], "A list has no ARN; names are no secret.")
        passed = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
        allow(to, ["iam:PassRole"], [schedules_role], conditions=passed)

    def _api(self) -> apigateway.RestApi:
        name, deployment = self._addresses.named("control"), self._addresses.deployment
        access = log_group(
            self, "AccessLog", f"/hindcast/{name}/access", deployment, self._room.key
        )
        rest = apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=name,
            description=f"Control of {self._addresses.prefix}",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=False,  # The account's, which the API of predictions makes.
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE,
                tracing_enabled=True,
                metrics_enabled=True,
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,  # Bodies may hold entities' keys.
                throttling_rate_limit=REQUESTS_PER_SECOND,
                throttling_burst_limit=REQUESTS_BURST,
                access_log_destination=apigateway.LogGroupLogDestination(access),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_FIELDS)),
            ),
            default_integration=apigateway.LambdaIntegration(
                self.function.function, allow_test_invoke=False
            ),
            default_method_options=apigateway.MethodOptions(
                authorization_type=apigateway.AuthorizationType.IAM
            ),
        )
        rest.root.add_method("GET")
        rest.root.add_proxy(any_method=True)
        execution = f"API-Gateway-Execution-Logs_{rest.rest_api_id}/{STAGE}"
        log = log_group(self, "ExecutionLog", execution, deployment, self._room.key)
        rest.deployment_stage.node.add_dependency(log)
        reason = "Callers are people and pipelines with IAM roles; the function has theirs by ARN."
        acknowledge(rest, reason, "AwsSolutions-COG4")
        reason = "The function checks each path's body and query by its own models, and says more."
        acknowledge(rest, reason, "AwsSolutions-APIG2")
        return rest
