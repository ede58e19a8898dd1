"""A Delta table of answers, a commit for each run, and one of errors beside it."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from hindcast.operations.batch.parts import PartContext
from hindcast.operations.batch.targets.spool import SpooledTarget
from hindcast.operations.batch.values import Strict
from hindcast.stores.lake import Lake


class DeltaTargetParams(Strict):
    """uri: a folder or s3:// address; errors go to the table <uri>.errors."""

    uri: str


class DeltaTarget(SpooledTarget):
    """Runs are appended; a commit carries its run, which the table takes once."""

    Params = DeltaTargetParams

    def __init__(self, params: DeltaTargetParams, context: PartContext) -> None:
        """Raises InputError for a path that no table can have."""
        super().__init__(context)
        root, _, self._name = params.uri.rstrip("/").rpartition("/")
        self._lake, self._run = Lake(root or "."), context.run
        self.facts: Mapping[str, Any] = {"table": params.uri}

    def publish(self, answers: pa.RecordBatchReader) -> None:
        """Commit the answers."""
        self._append(answers, self._name)

    def publish_errors(self, errors: pa.RecordBatchReader) -> None:
        """Commit the rows without an answer."""
        self._append(errors, f"{self._name}.errors")

    def _append(self, rows: pa.RecordBatchReader, name: str) -> None:
        self._lake.append_once(f"batch {self._run}", rows, name)
