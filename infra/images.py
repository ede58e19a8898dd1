"""Build the images of the Lambdas with docker, podman or buildah, whichever answers first."""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra import base_image
from infra.config import FUNCTIONS

ROOT = Path(__file__).resolve().parents[1]
BUILDERS = {
    "docker": ("docker", "build"),
    "podman": ("podman", "build"),
    "buildah": ("buildah", "build", "--layers"),  # The others keep layers without being told.
}
# Lambda takes one plain image of its functions' architecture, and no index with attestations.
PLATFORM = "linux/amd64"
ENVIRONMENT = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
_UNWANTED = shutil.ignore_patterns("__pycache__", ".*")


@dataclass(frozen=True)
class Build:
    """What builds, how the images are named, and what the Dockerfiles and the builder are told."""

    builder: str
    prefix: str
    version: str
    arguments: Sequence[str] = ()
    flags: Sequence[str] = ()

    def image(self, function: str) -> str:
        """The name of a function's image."""
        return f"{self.prefix}{function}:{self.version}"

    def command(self, function: str, context: Path) -> list[str]:
        """The builder's command line for a function."""
        dockerfile = context / "lambdas" / function.replace("-", "_") / "Dockerfile"
        arguments = [part for one in self.arguments for part in ("--build-arg", one)]
        return [
            *BUILDERS[self.builder],
            "--platform",
            PLATFORM,
            "--tag",
            self.image(function),
            "--file",
            str(dockerfile),
            *arguments,
            *self.flags,
            str(context),
        ]


def find_builder(asked: str = "") -> str:
    """The builder asked for, or else the first that answers; exits with a line where none does."""
    for name in [asked] if asked else BUILDERS:
        if name in BUILDERS and shutil.which(name) and _answers(name):
            return name
    raise SystemExit(
        f"images: {asked or 'no builder'} does not answer; install and start one of "
        f"{', '.join(BUILDERS)}, and name it in BUILDER where there are several"
    )


def assemble(context: Path, release: str = "", project: str = "") -> None:
    """Put what the Dockerfiles copy into a folder, so that nothing else can get into an image.

    Exits with a line where the release or the project is not what it should be.
    """
    for name in ("requirements", "lambdas"):
        shutil.copytree(ROOT / name, context / name, ignore=_UNWANTED)
    for name in ("releases", "project"):
        (context / name).mkdir()
    if release:
        folder = _folder("RELEASE", release, "manifest.json")
        shutil.copytree(folder, context / "releases" / folder.name)
    if project:
        folder = _folder("PROJECT", project, "definitions.py")
        shutil.copytree(folder, context / "project", ignore=_UNWANTED, dirs_exist_ok=True)
    wheel = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    _run("the wheel", [*wheel, "-d", str(context / "dist")])


def main(argv: Sequence[str]) -> None:
    """Build, and print the images' names; exits with 1 and a line where one cannot be built."""
    given = _parse(argv)
    release = given.release and Path(given.release).resolve().name
    told = {**_base(given.base, given.base_version), "RELEASE": release}
    build = Build(
        builder=find_builder(given.builder),
        prefix=given.prefix,
        version=given.version,
        arguments=[f"{name}={value}" for name, value in told.items() if value],
        flags=shlex.split(given.flags),
    )
    with tempfile.TemporaryDirectory(prefix="hindcast-images-") as folder:
        assemble(Path(folder), given.release, given.project)
        for function in given.functions or FUNCTIONS:
            _run(build.image(function), build.command(function, Path(folder)))
            sys.stdout.write(f"{build.image(function)}\n")


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="images", description=__doc__)
    parser.add_argument("functions", nargs="*", help="such as predict; all of them by default")
    for option, about in {
        "version": "the images' tag",
        "prefix": "what comes before a function in its image's name: a registry, a deployment",
        "base": "another base image than the one in the Dockerfiles",
        "base-version": "its tag: a version of Python",
        "release": "the folder of the release that the predict image serves",
        "project": "the folder of definitions that training uses",
        "builder": "docker, podman or buildah",
        "flags": "what else the builder is told",
    }.items():
        needed = option in ("version", "prefix")
        parser.add_argument(f"--{option}", default="", required=needed, help=about)
    given = parser.parse_args(argv)
    for function in given.functions:
        if function not in FUNCTIONS:
            parser.error(f"function '{function}': use some of {', '.join(FUNCTIONS)}")
    return given


def _base(base: str, version: str) -> dict[str, str]:
    """What the Dockerfiles are told of their base: another, or the locked one by its digest."""
    repository, tag, digest = base_image.locked()
    if base or version:
        return {"BASE": base, "BASE_VERSION": version}
    if digest is None:
        sys.stderr.write(f"images: {repository}:{tag} has no digest yet; run make lock-images\n")
        return {}
    return {"BASE": repository, "BASE_VERSION": f"{tag}@{digest}"}


def _answers(builder: str) -> bool:
    """Whether it works: a client may be installed without its daemon."""
    return subprocess.run([builder, "info"], capture_output=True, check=False).returncode == 0


def _folder(variable: str, path: str, needed: str) -> Path:
    folder = Path(path).resolve()
    if not (folder / needed).is_file():
        raise SystemExit(f"images: {variable}={path}: there is no {needed} in it; name another")
    return folder


def _run(what: str, command: Sequence[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **ENVIRONMENT}, check=False)
    if done.returncode:
        raise SystemExit(f"images: {what} was not built; the lines above say why")


if __name__ == "__main__":
    main(sys.argv[1:])
