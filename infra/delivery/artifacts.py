"""The files of a version: Glue's scripts and wheels, and the source."""

import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from infra.delivery.step import ROOT, command

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


def make(folder: Path) -> None:
    """Make every artifact in a folder."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as apart:
        wheels = Path(apart) / "wheels"
        _collect(wheels)
        pack(folder / WHEELS, Path(apart), wheels.iterdir())
    for script in SCRIPTS:
        shutil.copy(ROOT / script, folder)
    pack(folder / SOURCE, ROOT, sources())


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
