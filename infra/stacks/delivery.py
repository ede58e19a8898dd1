"""Delivery: the pipeline that brings a push to staging, and by an approval to production."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.config import Delivery
from infra.constructs.encryption import allow_logs
from infra.constructs.pipeline import Pipeline


class DeliveryStack(cdk.Stack):
    """It stands beside the deployments, and knows them by their names."""

    def __init__(self, scope: Construct, delivery: Delivery) -> None:
        super().__init__(
            scope,
            f"hindcast-{delivery.name}-delivery",
            env=cdk.Environment(account=delivery.account, region=delivery.region),
            description=f"Hindcast: the pipeline '{delivery.name}'",
            termination_protection=True,
        )
        key = kms.Key(
            self,
            "Key",
            description="What the pipeline hands from action to action",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        allow_logs(key, delivery.region)
        Pipeline(self, "Pipeline", delivery, key)
