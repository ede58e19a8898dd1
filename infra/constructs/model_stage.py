"""The stage of one model: which function answers there, in which version, and where it logs.

The rebuild machine of the model changes the version, by a canary. The template has no canary
settings: those once in a template stay on the stage when they are taken out of it
(aws/aws-cdk#33901), and would fight the state machine's.
"""

import json

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.config import PREDICT, Deployment
from infra.constructs.logs import log_group
from infra.project import live_version

# What is asked for, not by whom's id: resourcePath is the route, as /features/{key}.
ACCESS_FIELDS = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "stage": "$context.stage",
    "method": "$context.httpMethod",
    "route": "$context.resourcePath",
    "status": "$context.status",
    "caller": "$context.identity.userArn",
    "ip": "$context.identity.sourceIp",
    "latency": "$context.responseLatency",
    "length": "$context.responseLength",
    "canary": "$context.isCanaryRequest",
    "error": "$context.error.messageString",
}

# Route 53 asks from some sixteen places, each every 30 seconds; anybody else who asks more often
# costs no more than this.
PUBLIC = {
    "/ready/GET": apigateway.MethodDeploymentOptions(
        throttling_rate_limit=10,
        throttling_burst_limit=20,
        metrics_enabled=True,
        logging_level=apigateway.MethodLoggingLevel.ERROR,
        data_trace_enabled=False,
    )
}


class ModelStage(Construct):
    """A stage that is called as its model, and may call this model's function alone."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        addresses: Addresses,
        model: str,
        deployment: apigateway.Deployment,
        access: logs.ILogGroup,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        # By its name, as of all that a model has to itself: a model may go, and an export of the
        # stack that has the function cannot while this one reads it.
        self._model, self._function = model, addresses.of_model(PREDICT, model)
        self._rest = deployment.api
        self.stage = self._stage(deployment, addresses.deployment, access)
        self._execution_log(addresses, key)
        self._allow_first_version()
        cdk.CfnOutput(self, "Url", value=self.stage.url_for_path())

    @property
    def execution_arn(self) -> str:
        """Every route of the stage, as a version's permission names it."""
        return self._rest.arn_for_execute_api(stage=self._model)

    def _stage(
        self, deployment: apigateway.Deployment, of: Deployment, access: logs.ILogGroup
    ) -> apigateway.Stage:
        return apigateway.Stage(
            self,
            "Stage",
            deployment=deployment,
            stage_name=self._model,
            variables={
                names.FUNCTION_VARIABLE: self._function,
                names.STAGE_VARIABLE: self._version(),
            },
            tracing_enabled=True,
            metrics_enabled=True,
            logging_level=apigateway.MethodLoggingLevel.ERROR,
            data_trace_enabled=False,  # Bodies hold customers' ids.
            throttling_rate_limit=of.sizes.requests_per_second,
            throttling_burst_limit=of.sizes.requests_burst,
            method_options=PUBLIC if of.health == "public" else None,
            access_log_destination=apigateway.LogGroupLogDestination(access),
            access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_FIELDS)),
        )

    def _execution_log(self, addresses: Addresses, key: kms.IKey) -> None:
        """API Gateway's own logs of errors: made before it makes some that are kept for ever."""
        name = f"API-Gateway-Execution-Logs_{self._rest.rest_api_id}/{self._model}"
        for id, group in (("Log", name), ("CanaryLog", f"{name}/Canary")):
            self.stage.node.add_dependency(log_group(self, id, group, addresses.deployment, key))

    def _version(self) -> str:
        """What serves: the first version, until a deployment passes on what the stage says.

        CloudFormation must not set back what the state machine has promoted.
        """
        self._first = lambda_.CfnVersion(self, "FirstVersion", function_name=self._function)
        # It serves until the first release is promoted, and may be rolled back to.
        self._first.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        live = cdk.CfnParameter(
            self,
            "LiveVersion",
            description=f"The variable {names.STAGE_VARIABLE} of the stage {self._model} as it is; "
            "empty the first time",
            default="",
            allowed_pattern="[0-9]*",
        )
        live.override_logical_id(live_version(self._model))
        known = cdk.CfnCondition(
            self,
            "IsLive",
            expression=cdk.Fn.condition_not(cdk.Fn.condition_equals(live.value_as_string, "")),
        )
        return cdk.Fn.condition_if(
            known.logical_id, live.value_as_string, self._first.attr_version
        ).to_string()

    def _allow_first_version(self) -> None:
        """Later versions get the same permission from the state machine that publishes them."""
        lambda_.CfnPermission(
            self,
            "AllowGateway",
            action="lambda:InvokeFunction",
            function_name=self._first.ref,
            principal="apigateway.amazonaws.com",
            source_arn=self.execution_arn,
        )
