"""What a version leaves in a deployment's release bucket: Glue's script and wheels, the source."""

import shutil
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

from infra.config import Deployment
from infra.delivery.step import ROOT, account, client, command, say

SCRIPTS = ("glue_jobs/refresh_features.py", "glue_jobs/batch_predict.py")
# Glue asks for this ending, and for the folder `wheels` inside.
WHEELS = "hindcast.gluewheels.zip"
SOURCE = "source.zip"
# Of batches, which need all that features do, and more.
LOCKED = "requirements/batch.txt"
# Glue 5.1 is Python 3.11 on Amazon Linux 2023, whose glibc is 2.34.
PLATFORM = (
    "--python-version",
    "3.11",
    "--implementation",
    "cp",
    "--platform",
    "manylinux2014_x86_64",
    "--platform",
    "manylinux_2_28_x86_64",
    "--platform",
    "manylinux_2_34_x86_64",
)
# What the step release-image needs; nothing that was made, nor the tests.
SOURCES = (
    "Makefile",
    "README.md",
    "buildspec.yml",
    "cdk.json",
    "pyproject.toml",
    "examples",
    "glue_jobs",
    "infra",
    "lambdas",
    "requirements",
    "src",
    "step_functions",
)


def make(folder: Path) -> list[Path]:
    """Make every artifact in a folder."""
    wheels = folder / "wheels"
    _collect(wheels)
    scripts = [Path(shutil.copy(ROOT / script, folder)) for script in SCRIPTS]
    made = [folder / WHEELS, folder / SOURCE]
    pack(made[0], folder, wheels.iterdir())
    pack(made[1], ROOT, sources())
    return [*scripts, *made]


def upload(deployment: Deployment, version: str, files: Iterable[Path]) -> None:
    """Put the artifacts of a version where the templates look for them."""
    bucket = deployment.bucket("releases", account(deployment.region))
    s3 = client("s3", deployment.region)
    for path in files:
        key = f"artifacts/{version}/{path.name}"
        s3.upload_file(str(path), bucket, key)
        say(f"s3://{bucket}/{key}")


def _collect(wheels: Path) -> None:
    """Hindcast's wheel, those that it needs on Glue, and the list that pip installs there."""
    python = sys.executable
    command([python, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)])
    command(
        [
            python,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--require-hashes",
            *PLATFORM,
            "-r",
            LOCKED,
            "-d",
            str(wheels),
        ]
    )
    (wheels / "requirements.txt").write_text(pins(wheels))


def pins(wheels: Path) -> str:
    """The version of every wheel in a folder, as requirements."""
    parts = sorted(path.name.split("-")[:2] for path in wheels.glob("*.whl"))
    return "".join(f"{name}=={version}\n" for name, version in parts)


def pack(archive: Path, root: Path, files: Iterable[Path]) -> None:
    """Zip files by their paths below a root."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(files):
            made.write(path, path.relative_to(root))


def sources() -> list[Path]:
    """The files of the source, without what running it has made."""
    tops = [ROOT / name for name in SOURCES]
    found = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*"))]
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]
