"""Train again from a release's manifest: the same digest, or what exactly differs.

It proves that a release can be recomputed, and says which of data, code, seed or libraries changed.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.data import training_range, training_set
from hindcast.engines.base import Engine
from hindcast.errors import InputError
from hindcast.models.training.revision import code_revision
from hindcast.models.training.train import release
from hindcast.releases import contents
from hindcast.telemetry import Progress, Silent, step


@dataclass(frozen=True)
class RetrainReport:
    """A release trained again; differences name what is not as it was, empty where all is."""

    like: str
    release: str
    same: bool
    differences: tuple[str, ...]


def train_like(
    application: Application, like: str, engine: Engine, progress: Progress | None = None
) -> RetrainReport:
    """Train the project's model on the data of a release's instant; nothing is released.

    Raises NotFoundError for no such release, and HindcastError where its data are gone.
    """
    watcher = progress or Silent()
    original = contents.read(application.release_folder(like))
    manifest, model = original.manifest, application.project.model(original.model)
    files = [table for table in manifest["inputs"] if table.startswith(f"{names.SPINE}/")]
    if files:
        raise InputError(
            f"release {like} was trained on rows of {files[0].partition('/')[2]}, which it does "
            "not carry; train on that file again, and compare the two"
        )
    versions, clocks = original.raw_versions, original.knowledge
    listed = ", ".join(f"{name} version {version}" for name, version in versions.items())
    with step(watcher, f"training set of {listed}"):
        project, lake = application.project, application.lake
        training_set.check_whole(model, project, lake, None, versions)
        data = training_set.of(model, project, engine, lake, clocks, versions)
    revision = code_revision(application.project.folder)
    with tempfile.TemporaryDirectory(prefix="hindcast-again-") as folder:
        within = training_range.of_document(manifest.get("range"))
        report = release(model, data, folder, revision, watcher, within)
        again = contents.read(Path(report.folder))
        differences = tuple(_differences(manifest, again.manifest))
    return RetrainReport(like, report.release, report.release == like, differences)


def _differences(before: Any, after: Any, where: str = "") -> list[str]:
    """A line per leaf that is not the same, such as "libraries.numpy: 2.4.6, now 2.5.0"."""
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return [] if before == after else [f"{where}: {before}, now {after}"]
    lines = []
    for name in sorted({*before, *after}):
        place = f"{where}.{name}" if where else name
        lines += _differences(before.get(name), after.get(name), place)
    return lines
