"""Build everything of a version once, and publish it to every deployment."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from infra.config import Deployment
from infra.delivery import artifacts, images
from infra.delivery.step import ROOT, DeliveryError, Variables, command
from infra.project import Project


def run(variables: Variables) -> None:
    """Templates in cdk.out; images and artifacts of VERSION where DEPLOYMENTS look for them.

    Images are built once for each project. The predict image, the same for every model, has no
    release: it is never served but as a stage's first version, and says so. Raises DeliveryError
    where a project has no definitions, or a deployment no repositories or bucket yet.
    """
    version, deployments = variables["VERSION"], variables.deployments
    projects = _by_project(deployments)
    command(["make", "synth"])
    with tempfile.TemporaryDirectory() as folder:
        made = artifacts.make(Path(folder))
        for project, using in projects.items():
            images.make(version, *([f"PROJECT={project.folder}"] if project else []))
            own = [ROOT / project.definitions] if project else []
            for deployment in using:
                images.publish(deployment, version)
                artifacts.upload(deployment, version, [*made, *own])


def _by_project(deployments: Sequence[Deployment]) -> dict[Project | None, list[Deployment]]:
    """Deployments by the definitions that they run; raises DeliveryError where those are not."""
    found: dict[Project | None, list[Deployment]] = {}
    for deployment in deployments:
        project = deployment.project
        if project and not (ROOT / project.definitions).is_file():
            raise DeliveryError(
                f"{deployment.name}: there is no {project.definitions} in the source; add it, or "
                "change the deployment's project in infra/config.py"
            )
        found.setdefault(project, []).append(deployment)
    return found
