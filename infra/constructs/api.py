"""The REST API: who may call it (IAM), how much (usage plan), with what (models), and the stage.

The stage names the version of predict by a variable, which the rebuild state machine changes by
a canary. The template has no canary settings: those once in a template stay on the stage when
they are taken out of it (aws/aws-cdk#33901), and would fight the state machine's.
"""

import json
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import Aws
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.config import STAGE
from infra.constructs.logs import log_group
from infra.constructs.routes import ROUTES, Route
from infra.permissions import acknowledge

if TYPE_CHECKING:
    from infra.constructs.image_function import ImageFunction

# What is asked for, not by whom's id: resourcePath is the route, as /features/{key}.
ACCESS_FIELDS = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
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


class PredictionApi(Construct):
    """The API, its one stage, and its usage plan."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        addresses: Addresses,
        predict: "ImageFunction",
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        self._addresses, self._predict = addresses, predict
        log = f"/hindcast/{addresses.prefix}/access"
        self.log = log_group(self, "Log", log, addresses.deployment, key)
        self.rest = self._api()
        self._execution_log(key)
        self._allow_first_version()
        self._routes()
        self._plan()

    @property
    def execution_arn(self) -> str:
        """Every route of the stage, as a version's permission names it."""
        return self.rest.arn_for_execute_api(stage=STAGE)

    def _api(self) -> apigateway.RestApi:
        sizes = self._addresses.deployment.sizes
        rest = apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=self._addresses.prefix,
            description=f"Predictions of {self._addresses.prefix}",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # The account's role for API Gateway's logs; other APIs use it, so it stays.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=cdk.RemovalPolicy.RETAIN,
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE,
                variables={names.STAGE_VARIABLE: self._version()},
                tracing_enabled=True,
                metrics_enabled=True,
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,  # Bodies hold customers' ids.
                throttling_rate_limit=sizes.requests_per_second,
                throttling_burst_limit=sizes.requests_burst,
                access_log_destination=apigateway.LogGroupLogDestination(self.log),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_FIELDS)),
            ),
            default_integration=self._integration(),
            default_method_options=apigateway.MethodOptions(
                authorization_type=apigateway.AuthorizationType.IAM, api_key_required=True
            ),
        )
        acknowledge(
            rest,
            "Callers are services with IAM roles, not people with accounts in a user pool.",
            "AwsSolutions-COG4",
        )
        policy = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"
        acknowledge(
            rest,
            "The policy that API Gateway asks for; it writes the logs of an account's APIs.",
            f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}]",
        )
        return rest

    def _execution_log(self, key: kms.IKey) -> None:
        """API Gateway's own log of errors: made before it makes one that is kept for ever."""
        name = f"API-Gateway-Execution-Logs_{self.rest.rest_api_id}/{STAGE}"
        log = log_group(self, "ExecutionLog", name, self._addresses.deployment, key)
        self.rest.deployment_stage.node.add_dependency(log)

    def _version(self) -> str:
        """What serves: the first version, until a deployment passes on what the stage says.

        CloudFormation must not set back what the state machine has promoted.
        """
        self._first = lambda_.CfnVersion(
            self, "FirstVersion", function_name=self._predict.function.function_name
        )
        # It serves until the first release is promoted, and may be rolled back to.
        self._first.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        live = cdk.CfnParameter(
            self,
            "LiveVersion",
            description="The stage's variable predictVersion as it is; empty the first time",
            default="",
            allowed_pattern="[0-9]*",
        )
        live.override_logical_id("LivePredictVersion")
        known = cdk.CfnCondition(
            self,
            "IsLive",
            expression=cdk.Fn.condition_not(cdk.Fn.condition_equals(live.value_as_string, "")),
        )
        return cdk.Fn.condition_if(
            known.logical_id, live.value_as_string, self._first.attr_version
        ).to_string()

    def _integration(self) -> apigateway.Integration:
        function = (
            f"{self._predict.function.function_arn}:${{stageVariables.{names.STAGE_VARIABLE}}}"
        )
        path = f"path/2015-03-31/functions/{function}/invocations"
        region = self._addresses.deployment.region
        return apigateway.Integration(
            type=apigateway.IntegrationType.AWS_PROXY,
            integration_http_method="POST",
            uri=f"arn:{Aws.PARTITION}:apigateway:{region}:lambda:{path}",
            options=apigateway.IntegrationOptions(timeout=cdk.Duration.seconds(15)),
        )

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

    def _routes(self) -> None:
        validator = apigateway.RequestValidator(
            self,
            "Validator",
            rest_api=self.rest,
            validate_request_body=True,
            validate_request_parameters=True,
        )
        for route in ROUTES:
            self._route(route, validator)

    def _route(self, route: Route, validator: apigateway.RequestValidator) -> None:
        options: dict[str, Any] = {"request_validator": validator}
        if route.body is not None:
            model = self.rest.add_model(
                f"{route.name}Model",
                model_name=route.name,
                schema=route.body,
                content_type="application/json",
            )
            # A body of any other type would not be looked at.
            options["request_models"] = {"application/json": model}
            options["request_parameters"] = {"method.request.header.Content-Type": True}
        for path in route.paths:
            self.rest.root.resource_for_path(path).add_method(route.method, **options)

    def _plan(self) -> None:
        sizes = self._addresses.deployment.sizes
        plan = self.rest.add_usage_plan(
            "Plan",
            name=self._addresses.named("callers"),
            throttle=apigateway.ThrottleSettings(
                rate_limit=sizes.requests_per_second, burst_limit=sizes.requests_burst
            ),
            quota=apigateway.QuotaSettings(
                limit=sizes.requests_per_day, period=apigateway.Period.DAY
            ),
        )
        plan.add_api_stage(stage=self.rest.deployment_stage)
        self.key = self.rest.add_api_key("Key", api_key_name=self._addresses.named("caller"))
        plan.add_api_key(self.key)
