"""What ECR found in the images that were pushed: a critical vulnerability ends the build."""

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from infra.delivery.step import DeliveryError

PAUSE_SECONDS, LOOKS = 5, 120
REFUSED = "CRITICAL"


def require_clean(
    ecr: Any, repository: str, digest: str, pause: Callable[[float], None] = time.sleep
) -> None:
    """Wait for ECR's scan of an image; raises DeliveryError naming what is critical in it."""
    place = f"{repository}@{digest}"
    image = {"repositoryName": repository, "imageId": {"imageDigest": digest}}
    pages = ecr.get_paginator("describe_image_scan_findings")
    for _ in range(LOOKS):
        found = _findings(pages, image)
        if found is not None:
            if critical := sorted(set(found)):
                raise DeliveryError(
                    f"{place} has known critical vulnerabilities: {', '.join(critical)}; build on "
                    "a newer base image, or raise what has them"
                )
            return
        pause(PAUSE_SECONDS)
    raise DeliveryError(f"{place} was not scanned in {PAUSE_SECONDS * LOOKS} s: build again")


def _findings(pages: Any, image: dict[str, Any]) -> list[str] | None:
    """The critical ones by name; None while the scan is under way, or has not begun."""
    names: list[str] = []
    try:
        for page in pages.paginate(**image):
            status = page["imageScanStatus"]["status"]
            if status in ("PENDING", "IN_PROGRESS"):
                return None
            if status not in ("COMPLETE", "ACTIVE"):
                reason = page["imageScanStatus"].get("description", status)
                raise DeliveryError(f"{image['repositoryName']} could not be scanned: {reason}")
            found = page["imageScanFindings"]
            listed = [*found.get("findings", ()), *found.get("enhancedFindings", ())]
            names += [_name(each) for each in listed if each.get("severity") == REFUSED]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ScanNotFoundException":
            raise
        return None
    return names


def _name(finding: dict[str, Any]) -> str:
    """Of a basic scan's finding, or of Inspector's."""
    return str(finding.get("name") or finding.get("title"))
