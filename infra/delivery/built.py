"""What a build leaves: the images' digests, and the files that deployments are given."""

import json
from collections.abc import Mapping
from pathlib import Path

from infra.config import Deployment
from infra.delivery.step import ROOT, DeliveryError
from infra.project import Project

FOLDER = ROOT / "built"
FILES = FOLDER / "files"
DIGESTS = FOLDER / "images.json"
# CodePipeline unpacks a second artifact elsewhere, and says where by this variable.
FILES_VARIABLE = "CODEBUILD_SRC_DIR_files"

# By definitions (see `tag`), then by image.
Digests = Mapping[str, Mapping[str, str]]


def tag(version: str, project: Project | None) -> str:
    """An image's tag: the version, and the folder of definitions that are not the example's."""
    return f"{version}.{project.folder.replace('/', '-')}" if project else version


def write(version: str, digests: Digests) -> None:
    """Keep the digests of a version's images."""
    FOLDER.mkdir(exist_ok=True)
    DIGESTS.write_text(json.dumps({"version": version, "images": digests}, indent=1))


def digests(version: str, deployment: Deployment) -> Mapping[str, str]:
    """The digest of each image for a deployment; raises DeliveryError unless of this version."""
    if not DIGESTS.is_file():
        raise DeliveryError("nothing is built here: run the step build first")
    kept = json.loads(DIGESTS.read_text())
    if kept["version"] != version:
        raise DeliveryError(
            f"what is built here is {kept['version']}, not {version}: build that version first"
        )
    found: Mapping[str, str] | None = kept["images"].get(tag(version, deployment.project))
    if found is None:
        raise DeliveryError(
            f"nothing is built for the definitions of {deployment.name}: name it in DEPLOYMENTS "
            "when building"
        )
    return found


def files(folder: Path, deployment: Deployment) -> list[Path]:
    """The files for a deployment: those of all, and its own definitions."""
    common = sorted(path for path in folder.iterdir() if path.is_file())
    project = deployment.project
    return [*common, *([folder / project.definitions] if project else [])]
