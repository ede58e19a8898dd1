"""What Route 53 looks at to say whether a region answers: a route of each model, or an alarm."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_route53 as route53
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.api import PredictionApi
from infra.constructs.metrics import Metrics

_Check = route53.CfnHealthCheck


class HealthChecks(Construct):
    """A check for each model, and one of all: what a failover record of DNS, or a person, goes by.

    The route asks the release's own SELECT over the online store. Of a private API an alarm is
    what is looked at, which knows of a failure only while somebody asks.
    """

    def __init__(self, scope: Construct, id: str, addresses: Addresses, api: PredictionApi) -> None:
        super().__init__(scope, id)
        self._addresses = addresses
        is_public = addresses.deployment.health == "public"
        checks = [
            self._check(model, self._route(api, model) if is_public else self._alarm(model))
            for model in addresses.deployment.models
        ]
        every = _Check.HealthCheckConfigProperty(
            type="CALCULATED",
            child_health_checks=[check.attr_health_check_id for check in checks],
            health_threshold=len(checks),
        )
        check = self._check("all", every)
        cdk.CfnOutput(self, "Id", value=check.attr_health_check_id)

    def _check(self, name: str, config: _Check.HealthCheckConfigProperty) -> _Check:
        tag = _Check.HealthCheckTagProperty(
            key="Name", value=self._addresses.named(f"health-{name}")
        )
        return _Check(self, f"Check-{name}", health_check_config=config, health_check_tags=[tag])

    def _route(self, api: PredictionApi, model: str) -> _Check.HealthCheckConfigProperty:
        region, suffix = self._addresses.deployment.region, cdk.Stack.of(self).url_suffix
        return _Check.HealthCheckConfigProperty(
            type="HTTPS",
            fully_qualified_domain_name=f"{api.rest.rest_api_id}.execute-api.{region}.{suffix}",
            resource_path=f"/{model}/ready",
            port=443,
            enable_sni=True,
            request_interval=30,
            failure_threshold=3,
        )

    def _alarm(self, model: str) -> _Check.HealthCheckConfigProperty:
        """Of an alarm of its own: Route 53 takes none of several metrics, and none of M of N."""
        name = self._addresses.of_model("health", model)
        cloudwatch.Alarm(
            self,
            f"Alarm-{model}",
            alarm_name=name,
            alarm_description=f"Half of {model}'s answers fail. See docs/recovery.md#health",
            metric=Metrics(self._addresses).gateway(model, "5XXError", "Average"),
            threshold=0.5,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=3,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        return _Check.HealthCheckConfigProperty(
            type="CLOUDWATCH_METRIC",
            alarm_identifier=_Check.AlarmIdentifierProperty(
                name=name, region=self._addresses.deployment.region
            ),
            insufficient_data_health_status="LastKnownStatus",
        )
