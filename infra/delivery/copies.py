"""Copy an image from one registry to another by its digest, byte for byte.

By ECR's own calls: pulling and pushing would pack layers anew, and need a daemon.
"""

import hashlib
import json
from typing import Any
from urllib.request import urlopen

from botocore.exceptions import ClientError

from infra.delivery.step import DeliveryError

MEDIA_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)
SECONDS_TO_ANSWER = 60


def held(ecr: Any, repository: str, tag: str) -> str | None:
    """The digest of a tag; None where it is not there. Raises DeliveryError without repository."""
    try:
        found = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ImageNotFoundException":
            return None
        if code == "RepositoryNotFoundException":
            raise DeliveryError(
                f"there is no repository {repository}: deploy what holds it first, as "
                "docs/operations.md says"
            ) from error
        raise
    digest: str = found["imageDetails"][0]["imageDigest"]
    return digest


def copy(source: Any, here: str, digest: str, target: Any, there: str, tag: str) -> bool:
    """Copy an image under a tag; False where it is there already.

    source, target: clients of ECR. Raises DeliveryError where the tag holds another image: tags are
    written once.
    """
    if (found := held(target, there, tag)) is not None:
        if found != digest:
            raise DeliveryError(
                f"{there}:{tag} is there as {found}, not as {digest}: a tag is written once; "
                "deliver another commit"
            )
        return False
    manifest, kind = _manifest(source, here, digest)
    document = json.loads(manifest)
    for layer in (document["config"], *document["layers"]):
        _copy_layer(source, here, layer["digest"], target, there)
    target.put_image(
        repositoryName=there,
        imageManifest=manifest,
        imageManifestMediaType=kind,
        imageTag=tag,
        imageDigest=digest,
    )
    return True


def _manifest(ecr: Any, repository: str, digest: str) -> tuple[str, str]:
    """The manifest and its media type; raises DeliveryError unless it is what the digest names."""
    answer = ecr.batch_get_image(
        repositoryName=repository,
        imageIds=[{"imageDigest": digest}],
        acceptedMediaTypes=list(MEDIA_TYPES),
    )
    if not answer["images"]:
        raise DeliveryError(f"{repository}@{digest} is not there: build the version again")
    manifest: str = answer["images"][0]["imageManifest"]
    if f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}" != digest:
        raise DeliveryError(f"{repository}@{digest}: the manifest is not what its digest names")
    kind = json.loads(manifest)["mediaType"]
    return manifest, str(kind)


def _copy_layer(source: Any, here: str, digest: str, target: Any, there: str) -> None:
    known = target.batch_check_layer_availability(repositoryName=there, layerDigests=[digest])
    if any(one.get("layerAvailability") == "AVAILABLE" for one in known["layers"]):
        return
    upload = target.initiate_layer_upload(repositoryName=there)
    given = {"repositoryName": there, "uploadId": upload["uploadId"]}
    place = source.get_download_url_for_layer(repositoryName=here, layerDigest=digest)
    first = 0
    with urlopen(place["downloadUrl"], timeout=SECONDS_TO_ANSWER) as layer:
        while part := layer.read(upload["partSize"]):
            last = first + len(part) - 1
            target.upload_layer_part(
                **given, partFirstByte=first, partLastByte=last, layerPartBlob=part
            )
            first = last + 1
    target.complete_layer_upload(**given, layerDigests=[digest])
