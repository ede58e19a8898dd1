"""A Delta table of answers, a commit for each chunk, and one of errors beside it."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from hindcast.operations.batch.parts import PartContext
from hindcast.operations.batch.values import Strict
from hindcast.stores.lake import Lake


class DeltaTargetParams(Strict):
    """uri: a folder or s3:// address; errors go to the table <uri>.errors."""

    uri: str


class DeltaTarget:
    """Chunks are appended; each commit carries the run and the chunk, which are committed once."""

    Params = DeltaTargetParams

    def __init__(self, params: DeltaTargetParams, context: PartContext) -> None:
        """Find the table; raises InputError for a path that no table can have."""
        root, _, self._name = params.uri.rstrip("/").rpartition("/")
        self._lake, self._run = Lake(root or "."), context.run
        self.facts: Mapping[str, Any] = {"table": params.uri}

    def written(self) -> int:
        """How many chunks of the run are committed."""
        table = self._lake.find(self._name)
        if table is None:
            return 0
        done = 0
        while table.transaction_version(self._commit(done)) is not None:
            done += 1
        return done

    def write(self, chunk: int, answers: pa.Table, errors: pa.Table) -> None:
        """Commit the errors, then the answers."""
        if errors.num_rows:
            self._append(chunk, errors, f"{self._name}.errors")
        self._append(chunk, answers, self._name)

    def finish(self) -> None:
        """Every chunk is committed already."""

    def close(self) -> None:
        """Nothing is open."""

    def _append(self, chunk: int, rows: pa.Table, name: str) -> None:
        self._lake.append_once(self._commit(chunk), rows.to_reader(), name)

    def _commit(self, chunk: int) -> str:
        return f"batch {self._run} chunk {chunk}"
