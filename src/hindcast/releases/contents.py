"""Read a release as everything but serving does: its manifest, metrics and feature view."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hindcast import names
from hindcast.errors import NotFoundError, ReleaseError
from hindcast.serving import plan as plans
from hindcast.serving import release as releases
from hindcast.serving.plan import ServingPlan

if TYPE_CHECKING:
    from hindcast.compiler.labelled import Labelled
    from hindcast.compiler.query import Knowledge
    from hindcast.compiler.service import CompiledService

METRICS = "metrics.json"
FEATURES = "features.json"
BASELINE = "baseline.onnx"
HISTOGRAMS = "histograms.json"
# What the rows of a training set know, in a manifest.
PER_ROW, FOR_ALL = "each row's own instant", "one instant for all rows"


@dataclass(frozen=True)
class ReleaseContents:
    """A verified release: where it lies, and what it says of itself."""

    id: str
    folder: Path
    manifest: Mapping[str, Any]
    files: Mapping[str, bytes]

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.manifest["model"])

    @cached_property
    def plan(self) -> ServingPlan:
        """serving_plan.json."""
        return plans.parse(self.files[releases.PLAN])

    @property
    def metrics(self) -> Mapping[str, Any]:
        """metrics.json."""
        metrics: Mapping[str, Any] = json.loads(self.files[METRICS])
        return metrics

    @property
    def knowledge(self) -> "Knowledge":
        """The clocks of the training set."""
        from hindcast.compiler.query import Knowledge

        return Knowledge(
            as_of=datetime.fromisoformat(self.manifest["as_of"]),
            known_by=datetime.fromisoformat(self.manifest["known_by"]),
            per_row=self.manifest.get("knowledge") == PER_ROW,
        )

    @property
    def definition_hashes(self) -> Mapping[str, str]:
        """View -> the hash of the version that is read."""
        return dict(self.manifest["views"])

    @property
    def raw_versions(self) -> dict[str, int]:
        """Source -> the version of its raw table that the release was trained on."""
        prefix = f"{names.RAW}/"
        return {
            table.removeprefix(prefix): int(said["version"])
            for table, said in self.manifest["inputs"].items()
            if table.startswith(prefix)
        }

    @cached_property
    def question(self) -> "tuple[CompiledService, Labelled]":
        """What the model reads and what it learned from, compiled from the release alone.

        Raises ReleaseError where this code gives its views another meaning than was recorded.
        """
        from hindcast.compiler.question import from_document

        service, labelled = from_document(json.loads(self.files[FEATURES]))
        if service.definition_hashes != self.definition_hashes:
            raise ReleaseError(
                f"release {self.id}: its feature views have the definition hashes "
                f"{_listed(service.definition_hashes)}, and the manifest says "
                f"{_listed(self.definition_hashes)}; use the code it was made with"
            )
        return service, labelled

    @property
    def service(self) -> "CompiledService":
        """What the model reads; raises what question raises."""
        return self.question[0]


def read(folder: Path) -> ReleaseContents:
    """Verify and read a release folder; raises ReleaseError naming the file, or NotFoundError."""
    if not folder.is_dir():
        raise NotFoundError(f"release {folder.name}: there is no folder {folder}")
    manifest, files = releases.read(folder)
    for name in (METRICS, FEATURES):
        if name not in files:
            raise ReleaseError(f"release {folder.name}: it has no {name}; train it again")
    return ReleaseContents(folder.resolve().name, folder.resolve(), manifest, files)


def _listed(hashes: Mapping[str, str]) -> str:
    return ", ".join(f"{view} {digest}" for view, digest in hashes.items())
