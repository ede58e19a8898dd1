"""Copy what was built to a deployment: its images by digest, its files once."""

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra import base_image, config
from infra.config import Deployment
from infra.delivery import built, copies
from infra.delivery.step import DeliveryError, Variables, account, client, own_client, say


def run(variables: Variables) -> None:
    """Images and artifacts of VERSION where the templates of DEPLOYMENT look for them.

    What is there already stays; raises DeliveryError where it is not the same.
    """
    deployment, version = variables.deployment, variables["VERSION"]
    require_locked_base(deployment)
    copy_images(deployment, version)
    if deployment.standby:  # While both regions are there; S3 copies the files by itself.
        copy_images(deployment.standby, version, built_for=deployment)
    folder = Path(os.environ.get(built.FILES_VARIABLE, str(built.FILES)))
    bucket = deployment.bucket("releases", account(deployment.region))
    s3 = client("s3", deployment.region)
    for path in built.files(folder, deployment):
        write_once(s3, bucket, f"artifacts/{version}/{path.name}", path)


def require_locked_base(deployment: Deployment) -> None:
    """Raise DeliveryError where a protected deployment would run what was built on a mere tag."""
    repository, tag, digest = base_image.locked()
    if deployment.protected and digest is None:
        raise DeliveryError(
            f"{deployment.name}: its images are built on whatever {repository}:{tag} was then; "
            "run make lock-images, commit lambdas/base.json, and deliver that"
        )


def copy_images(deployment: Deployment, version: str, built_for: Deployment | None = None) -> None:
    """Every image of a version, to each repository that takes it."""
    delivery, digests = config.DELIVERY, built.digests(version, built_for or deployment)
    source = own_client("ecr", delivery.region)
    target = client("ecr", deployment.region)
    for name, image in deployment.repositories:
        given = (delivery.built(image), digests[image])
        there = deployment.named(name)
        done = copies.copy(source, *given, target, there, version)
        say(f"{there}:{version} {'copied' if done else 'is there'}: {digests[image]}")


def write_once(s3: Any, bucket: str, key: str, path: Path) -> None:
    """Put a file where there is none; raises DeliveryError where there is another."""
    content = path.read_bytes()
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    try:
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=content,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=digest,
            IfNoneMatch="*",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        _check_same(s3, bucket, key, digest)
    say(f"s3://{bucket}/{key}")


def _check_same(s3: Any, bucket: str, key: str, digest: str) -> None:
    found = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    if found.get("ChecksumSHA256") != digest:
        raise DeliveryError(
            f"s3://{bucket}/{key} is there with other content: a version is written once; deliver "
            "another commit"
        )
