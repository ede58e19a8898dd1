"""A Delta table of answers, a commit for each run, and one of errors beside it."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from hindcast.operations.batch.parts import PartContext
from hindcast.operations.batch.targets.spool import SpooledTarget
from hindcast.operations.batch.values import Strict


class DeltaTargetParams(Strict):
    """uri: a folder or s3:// address; errors go to the table <uri>.errors."""

    uri: str


class DeltaTarget(SpooledTarget):
    """Runs are appended; a commit carries its run, which the table takes once."""

    Params = DeltaTargetParams

    def __init__(self, params: DeltaTargetParams, context: PartContext) -> None:
        """Raises InputError for a path that no table can have."""
        super().__init__(context)
        self.lake, self.name = context.application.lake.place(params.uri)
        self._run = context.run
        self.facts: Mapping[str, Any] = {"table": params.uri}

    def publish(self, answers: pa.RecordBatchReader) -> None:
        """Commit the answers."""
        self._append(answers, self.name)

    def publish_errors(self, errors: pa.RecordBatchReader) -> None:
        """Commit the rows without an answer."""
        self._append(errors, errors_name(self.name))

    def _append(self, rows: pa.RecordBatchReader, name: tuple[str, ...]) -> None:
        self.lake.append_once(f"batch {self._run}", rows, *name)


def errors_name(name: tuple[str, ...]) -> tuple[str, ...]:
    """The table of errors beside a table of answers."""
    return (*name[:-1], f"{name[-1]}.errors")
