"""Build everything of a version once; what is deployed of it is copied later."""

import shutil
from collections.abc import Sequence

from infra.config import Deployment
from infra.delivery import artifacts, built, images
from infra.delivery.step import ROOT, DeliveryError, Variables, command
from infra.project import Project


def run(variables: Variables) -> None:
    """Templates in cdk.out, images of VERSION in the pipeline's repositories, the rest in `built`.

    Images are built once for each project of DEPLOYMENTS. The predict image, the same for every
    model, has no release: it is never served but as a stage's first version, and says so. No
    deployment is touched. Raises DeliveryError where a project has no definitions, or the pipeline
    no repositories yet.
    """
    version, projects = variables["VERSION"], _projects(variables.deployments)
    command(["make", "synth"])
    shutil.rmtree(built.FOLDER, ignore_errors=True)
    artifacts.make(built.FILES)
    digests = {}
    for project in projects:
        tag = built.tag(version, project)
        images.make(tag, *([f"PROJECT={project.folder}"] if project else []))
        digests[tag] = images.publish(tag)
        if project:
            definitions = built.FILES / project.definitions
            definitions.parent.mkdir(parents=True)
            shutil.copy(ROOT / project.definitions, definitions)
    built.write(version, digests)


def _projects(deployments: Sequence[Deployment]) -> list[Project | None]:
    """The definitions that deployments run; raises DeliveryError where those are not there."""
    found: dict[Project | None, None] = {}
    for deployment in deployments:
        project = deployment.project
        if project and not (ROOT / project.definitions).is_file():
            raise DeliveryError(
                f"{deployment.name}: there is no {project.definitions} in the source; add it, or "
                "change the deployment's project in infra/config.py"
            )
        found[project] = None
    return list(found)
