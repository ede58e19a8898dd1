"""The REST API: who may call it (IAM), how much (usage plan), with what (bodies), and its stages.

A stage for each model, all of one deployment of the same routes: the integration reads from the
stage whose function answers, and in which version. So each model has a canary of its own.
"""

from typing import Any

import aws_cdk as cdk
from aws_cdk import Aws
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.constructs.logs import log_group
from infra.constructs.metrics import status_metric
from infra.constructs.model_stage import ModelStage
from infra.constructs.routes import READY, ROUTES, Route
from infra.permissions import acknowledge

SECONDS_TO_ANSWER = 15


class PredictionApi(Construct):
    """The API, a stage for each model, and the usage plan of all."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        addresses: Addresses,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        self._addresses = addresses
        self.rest = self._api()
        self._routes()
        self.stages = self._stages(key)
        self._plan()

    def execution_arn(self, model: str) -> str:
        """Every route of a model's stage, as a version's permission names it."""
        return self.stages[model].execution_arn

    def _api(self) -> apigateway.RestApi:
        rest = apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=self._addresses.prefix,
            description=f"Predictions of {self._addresses.prefix}",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # The account's role for API Gateway's logs; other APIs use it, so it stays.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=cdk.RemovalPolicy.RETAIN,
            deploy=False,  # That would make one stage.
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

    def _stages(self, key: kms.IKey) -> dict[str, ModelStage]:
        name = f"/hindcast/{self._addresses.prefix}/access"
        log = log_group(self, "Log", name, self._addresses.deployment, key)
        self._count(log)
        made = apigateway.Deployment(self, "Deployment", api=self.rest)
        # Other routes are another deployment: CloudFormation changes none that is made.
        health = self._addresses.deployment.health
        made.add_to_logical_id([repr(ROUTES), health, self._function(), SECONDS_TO_ANSWER])
        return {
            model: ModelStage(self, f"Stage-{model}", self._addresses, model, made, log, key)
            for model in self._addresses.deployment.models
        }

    def _count(self, log: logs.LogGroup) -> None:
        """Count what API Gateway's own metrics hold together as 4xx, for each stage."""
        for status in (403, 429):
            logs.MetricFilter(
                self,
                f"Status{status}",
                log_group=log,
                filter_pattern=logs.FilterPattern.string_value("$.status", "=", str(status)),
                metric_namespace=f"{names.METRICS}/{self._addresses.deployment.name}",
                metric_name=status_metric(status),
                unit=cloudwatch.Unit.COUNT,
                dimensions={"stage": "$.stage"},
            )

    def _function(self) -> str:
        """The address of the function that a stage names, in the version that it names."""
        function = cdk.Stack.of(self).format_arn(
            service="lambda",
            resource="function",
            resource_name=f"${{stageVariables.{names.FUNCTION_VARIABLE}}}",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        return f"{function}:${{stageVariables.{names.STAGE_VARIABLE}}}"

    def _integration(self) -> apigateway.Integration:
        path = f"path/2015-03-31/functions/{self._function()}/invocations"
        region = self._addresses.deployment.region
        return apigateway.Integration(
            type=apigateway.IntegrationType.AWS_PROXY,
            integration_http_method="POST",
            uri=f"arn:{Aws.PARTITION}:apigateway:{region}:lambda:{path}",
            options=apigateway.IntegrationOptions(timeout=cdk.Duration.seconds(SECONDS_TO_ANSWER)),
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
        is_public = route.name == READY and self._addresses.deployment.health == "public"
        if is_public:
            nobody = apigateway.AuthorizationType.NONE
            options |= {"authorization_type": nobody, "api_key_required": False}
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
            method = self.rest.root.resource_for_path(path).add_method(route.method, **options)
            if is_public:
                reason = "Health checkers cannot sign; it says ok or down, and is throttled."
                acknowledge(method, reason, "AwsSolutions-APIG4", "AwsSolutions-COG4")

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
        for each in self.stages.values():
            plan.add_api_stage(stage=each.stage)
        key = apigateway.ApiKey(self, "Key", api_key_name=self._addresses.named("caller"))
        # Of its own, as a quota is of a key.
        self.probe_key = apigateway.ApiKey(
            self, "ProbeKey", api_key_name=self._addresses.named("probe")
        )
        for mine in (key, self.probe_key):
            plan.add_api_key(mine)
