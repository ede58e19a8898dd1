"""Images: made by `make images`, tagged and pushed to ECR by docker."""

import base64
from typing import Any

from infra import config
from infra.config import FUNCTIONS
from infra.delivery import copies, scans
from infra.delivery.step import DeliveryError, command, own_client, say

LOCAL = "hindcast-"  # What `make images` puts before a function's name.


def make(version: str, *settings: str) -> None:
    """Build images with the tag `version`; settings are variables of `make images`."""
    given = ("BUILDER=docker", f"PREFIX={LOCAL}", f"VERSION={version}")
    command(["make", "images", *given, *settings])


def publish(tag: str) -> dict[str, str]:
    """Push every image to the pipeline's repositories, but for those that are there; the digests.

    Raises DeliveryError where a repository is missing, or an image has what is critical.
    """
    delivery = config.DELIVERY
    ecr = own_client("ecr", delivery.region)
    missing = [one for one in FUNCTIONS if not copies.held(ecr, delivery.built(one), tag)]
    say(f"{delivery.prefix}: pushing {', '.join(missing) or 'nothing, all are there'}")
    if missing:
        address = sign_in(ecr)
        for image in missing:
            push(f"{LOCAL}{image}:{tag}", f"{address}/{delivery.built(image)}:{tag}")
    digests = {one: _digest(ecr, delivery.built(one), tag) for one in FUNCTIONS}
    for image, digest in digests.items():
        scans.require_clean(ecr, delivery.built(image), digest)
    return digests


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


def _digest(ecr: Any, repository: str, tag: str) -> str:
    found = copies.held(ecr, repository, tag)
    if found is None:
        raise DeliveryError(f"{repository}:{tag} was pushed and is not there: run the build again")
    return found
