"""Image repositories: scanned on push, encrypted, with old images going away."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.logs import removal


class ImageRepositories(Construct):
    """A repository for each image, and for each model's. Functions need an image to start."""

    def __init__(self, scope: Construct, id: str, addresses: Addresses, key: kms.IKey) -> None:
        super().__init__(scope, id)
        for name, _ in addresses.deployment.repositories:
            policy = removal(addresses.deployment)
            repository = kept_repository(self, name, addresses.named(name), key, policy)
            repository.grant_pull(iam.ServicePrincipal("lambda.amazonaws.com"))


def kept_repository(
    scope: Construct, id: str, name: str, key: kms.IKey, policy: RemovalPolicy
) -> ecr.Repository:
    """A repository whose tags are written once: what was approved is what runs."""
    return ecr.Repository(
        scope,
        id,
        repository_name=name,
        encryption=ecr.RepositoryEncryption.KMS,
        encryption_key=key,
        image_scan_on_push=True,
        image_tag_mutability=ecr.TagMutability.IMMUTABLE,
        lifecycle_rules=[
            ecr.LifecycleRule(
                description="A version that may be rolled back to is among the last 100",
                max_image_count=100,
            )
        ],
        removal_policy=policy,
    )
