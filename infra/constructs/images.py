"""Image repositories: scanned on push, encrypted, with old images going away."""

from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.addresses import Addresses
from infra.config import PREDICT
from infra.constructs.logs import removal


class ImageRepositories(Construct):
    """A repository for each image, and for each model's. Functions need an image to start."""

    def __init__(self, scope: Construct, id: str, addresses: Addresses, key: kms.IKey) -> None:
        super().__init__(scope, id)
        for name, image in addresses.deployment.repositories:
            repository = self._one(name, image, addresses, key)
            repository.grant_pull(iam.ServicePrincipal("lambda.amazonaws.com"))

    def _one(self, name: str, image: str, addresses: Addresses, key: kms.IKey) -> ecr.Repository:
        # A release's image is tagged by the release, and built again where the code moved on.
        again = image == PREDICT
        return ecr.Repository(
            self,
            name,
            repository_name=addresses.named(name),
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
