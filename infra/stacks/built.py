"""Built: the images of every version, which each deployment copies from."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.config import FUNCTIONS, Delivery
from infra.constructs.images import kept_repository
from infra.constructs.logs import KEPT


class BuiltStack(cdk.Stack):
    """Repositories in the pipeline's account: a tag is written once, and copied by its digest."""

    def __init__(self, scope: Construct, delivery: Delivery) -> None:
        super().__init__(
            scope,
            f"{delivery.prefix}-built",
            env=cdk.Environment(account=delivery.account, region=delivery.region),
            description=f"Hindcast: what the pipeline '{delivery.name}' built",
            termination_protection=True,
        )
        key = kms.Key(
            self,
            "Key",
            description="The images that the pipeline built",
            enable_key_rotation=True,
            removal_policy=KEPT,
        )
        for image in FUNCTIONS:
            kept_repository(self, image, delivery.built(image), key, KEPT)
