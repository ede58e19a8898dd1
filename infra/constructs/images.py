"""Image repositories: scanned on push, encrypted, with old images going away."""

from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.addresses import Addresses
from infra.config import FUNCTIONS
from infra.constructs.logs import removal


class ImageRepositories(Construct):
    """One repository per function. They come before the functions, which need an image to start."""

    def __init__(self, scope: Construct, id: str, addresses: Addresses, key: kms.IKey) -> None:
        super().__init__(scope, id)
        self.of = {function: self._one(function, addresses, key) for function in FUNCTIONS}

    def _one(self, function: str, addresses: Addresses, key: kms.IKey) -> ecr.Repository:
        # A release's image is tagged by the release, and built again where the code moved on.
        again = function == "predict"
        return ecr.Repository(
            self,
            function,
            repository_name=addresses.named(function),
            encryption=ecr.RepositoryEncryption.KMS,
            encryption_key=key,
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.MUTABLE
            if again
            else ecr.TagMutability.IMMUTABLE,
            lifecycle_rules=[
                ecr.LifecycleRule(
                    description="A version that may be rolled back to is among the last 100",
                    max_image_count=100,
                )
            ],
            removal_policy=removal(addresses.deployment),
        )
