"""Images: made by `make images`, tagged and pushed to ECR by docker."""

import base64
from typing import Any

from infra.config import Deployment
from infra.delivery.step import DeliveryError, client, command, say

LOCAL = "hindcast-"  # What `make images` puts before a function's name.


def make(version: str, *settings: str) -> None:
    """Build images with the tag `version`; settings are variables of `make images`."""
    given = ("BUILDER=docker", f"PREFIX={LOCAL}", f"VERSION={version}")
    command(["make", "images", *given, *settings])


def publish(deployment: Deployment, version: str) -> None:
    """Push every image to its repositories in a deployment, but for those that have it.

    Raises DeliveryError where a repository is missing.
    """
    ecr = client("ecr", deployment.region)
    missing = {
        name: image
        for name, image in deployment.repositories
        if not _has(ecr, deployment.named(name), version)
    }
    say(f"{deployment.prefix}: pushing {', '.join(missing) or 'nothing, all are there'}")
    if missing:
        address = sign_in(ecr)
        for name, image in missing.items():
            push(f"{LOCAL}{image}:{version}", f"{address}/{deployment.named(name)}:{version}")


def push(local: str, remote: str) -> None:
    """Push a local image under another name."""
    command(["docker", "tag", local, remote])
    command(["docker", "push", "--quiet", remote])


def sign_in(ecr: Any) -> str:
    """Let docker push to the account's registry; its address."""
    address, password = registry(ecr)
    command(["docker", "login", "--username", "AWS", "--password-stdin", address], given=password)
    return address


def registry(ecr: Any) -> tuple[str, str]:
    """The address of the account's registry, and a password that holds for hours."""
    [granted] = ecr.get_authorization_token()["authorizationData"]
    _, _, password = base64.b64decode(granted["authorizationToken"]).decode().partition(":")
    return granted["proxyEndpoint"].removeprefix("https://"), password


def _has(ecr: Any, repository: str, tag: str) -> bool:
    """Whether a tag is there: tags are not pushed twice, as they cannot be changed."""
    try:
        ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
    except ecr.exceptions.ImageNotFoundException:
        return False
    except ecr.exceptions.RepositoryNotFoundException as error:
        raise DeliveryError(
            f"there is no repository {repository}: deploy the stacks network and data of the "
            "deployment first, as docs/operations.md says"
        ) from error
    return True
