"""Put a release into the predict image: what the rebuild asks for before its canary."""

import sys
import tempfile

from infra.delivery import copies, images
from infra.delivery.step import Variables, client, command, say


def run(variables: Variables) -> None:
    """Push the predict image with RELEASE of RELEASES inside, as REPOSITORY:IMAGE_TAG.

    The release is verified by its digests when it is fetched, and again in the image's build.
    """
    release, tag = variables["RELEASE"], variables["IMAGE_TAG"]
    releases, repository = variables["RELEASES"], variables["REPOSITORY"]
    ecr = client("ecr", variables["AWS_REGION"])
    if copies.held(ecr, repository, tag):
        say(f"{repository}:{tag} is there")  # Of a build whose end was not heard of.
        return
    with tempfile.TemporaryDirectory() as folder:
        fetch = [sys.executable, "-m", "hindcast.releases.fetch", releases, release, folder]
        command(fetch)
        images.make(tag, "FUNCTIONS=predict", f"RELEASE={folder}/{release}")
    remote = f"{images.sign_in(ecr)}/{repository}:{tag}"
    images.push(f"{images.LOCAL}predict:{tag}", remote)
    say(f"pushed {remote}")
