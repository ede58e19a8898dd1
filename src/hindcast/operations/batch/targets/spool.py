"""Chunks wait in the lake until a run has all of them: a target shows a whole run, or nothing."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from hindcast import names
from hindcast.operations.batch.parts import ERRORS, PartContext
from hindcast.stores import folders

_ANSWERS, _ERRORS = "answers", "errors"
_PACKED = pa.ipc.IpcWriteOptions(compression="zstd")


class SpooledTarget:
    """A target whose chunks wait; what remains of it is to publish them all at once."""

    def __init__(self, context: PartContext) -> None:
        root = context.application.lake.root.rstrip("/")
        self._folder = folders.opened(f"{root}/{names.BATCHES}/{context.run}")

    def written(self) -> Sequence[int]:
        """How many errors each chunk has that waits, from the first on."""
        held = set(self._folder.names())
        found: list[int] = []
        while _file(len(found), _ANSWERS) in held:
            found.append(self._read(_file(len(found), _ERRORS)).num_rows)
        return found

    def write(self, chunk: int, answers: pa.Table, errors: pa.Table) -> None:
        """Keep a chunk in place of what is kept of it; it is there when its answers are."""
        for kind, table in ((_ERRORS, errors), (_ANSWERS, answers)):
            packed = pa.BufferOutputStream()
            with pa.ipc.new_file(packed, table.schema, options=_PACKED) as writer:
                writer.write_table(table)
            self._folder.write(_file(chunk, kind), packed.getvalue().to_pybytes())

    def forget(self) -> None:
        """Delete the chunks that wait."""
        self._folder.drop()

    def finish(self, is_accepted: bool) -> None:
        """Publish the errors, and the answers where they are accepted; then nothing waits."""
        self.publish_errors(self._rows(_ERRORS, ERRORS))
        if is_accepted:
            first = self._read(_file(0, _ANSWERS))
            self.publish(self._rows(_ANSWERS, first.schema))
        self.forget()

    def close(self) -> None:
        """Nothing is open between chunks."""

    def publish(self, answers: pa.RecordBatchReader) -> None:
        """Show all answers at once; once for a run, however often it is called."""
        raise NotImplementedError

    def publish_errors(self, errors: pa.RecordBatchReader) -> None:
        """The same for the rows without an answer."""
        raise NotImplementedError

    def _rows(self, kind: str, schema: pa.Schema) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(schema, self._batches(kind, schema))

    def _batches(self, kind: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """One chunk in memory at a time."""
        for chunk in range(len(self.written())):
            yield from self._read(_file(chunk, kind)).cast(schema).to_batches()

    def _read(self, name: str) -> pa.Table:
        return pa.ipc.open_file(pa.BufferReader(self._folder.read(name))).read_all()


def _file(chunk: int, kind: str) -> str:
    return f"{chunk:08}.{kind}.arrow"
