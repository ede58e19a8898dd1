"""Read a release as everything but serving does: its manifest, metrics and feature view."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hindcast.errors import NotFoundError, ReleaseError
from hindcast.serving import plan as plans
from hindcast.serving import release as releases
from hindcast.serving.plan import ServingPlan

if TYPE_CHECKING:
    from hindcast.compiler.features import CompiledView
    from hindcast.compiler.query import Knowledge

METRICS = "metrics.json"
FEATURE_VIEW = "feature_view.json"
BASELINE = "baseline.onnx"
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
    def raw_table(self) -> str:
        """The raw table that the feature view is computed from, as runs name it."""
        return str(next(iter(self.manifest["inputs"])))

    def view(self) -> "CompiledView":
        """The feature view the model was trained on, compiled from the release alone.

        Raises ReleaseError where this code gives it another meaning than the release recorded.
        """
        from hindcast.compiler.document import from_document
        from hindcast.compiler.features import compile_view

        compiled = compile_view(from_document(json.loads(self.files[FEATURE_VIEW])))
        if compiled.definition_hash != self.manifest["definition_hash"]:
            raise ReleaseError(
                f"release {self.id}: its feature view has definition hash "
                f"{compiled.definition_hash}, and the manifest says "
                f"{self.manifest['definition_hash']}; use the code it was made with"
            )
        return compiled


def read(folder: Path) -> ReleaseContents:
    """Verify and read a release folder; raises ReleaseError naming the file, or NotFoundError."""
    if not folder.is_dir():
        raise NotFoundError(f"release {folder.name}: there is no folder {folder}")
    manifest, files = releases.read(folder)
    for name in (METRICS, FEATURE_VIEW):
        if name not in files:
            raise ReleaseError(f"release {folder.name}: it has no {name}; train it again")
    return ReleaseContents(folder.resolve().name, folder.resolve(), manifest, files)
