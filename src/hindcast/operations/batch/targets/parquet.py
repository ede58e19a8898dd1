"""The answers for one file of a source on Spark: Parquet files, which a commit makes visible."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as fs
import pyarrow.parquet as pq
from deltalake import Schema
from deltalake.fs import DeltaStorageHandler

from hindcast.stores import folders


class FilesTarget:
    """Chunks go to a file here; the last step copies it to the table's folder, where it is whole.

    facts: none; the driver has those of the table.
    """

    def __init__(self, uri: str, run: str, number: int) -> None:
        self._tables = (errors_of(uri), uri)
        self._path = path_of(run, number)
        self._folder = tempfile.TemporaryDirectory(prefix="hindcast-batch-")
        self._writers: dict[str, pq.ParquetWriter] = {}
        self.facts: Mapping[str, Any] = {}

    def rows(self) -> tuple[int, int] | None:
        """How many answers and errors are there already; None where the file is not done."""
        errors, answers = (fs.PyFileSystem(DeltaStorageHandler(table)) for table in self._tables)
        if answers.get_file_info(self._path).type != fs.FileType.File:
            return None
        return footer(answers, self._path).num_rows, footer(errors, self._path).num_rows

    def written(self) -> Sequence[int]:
        """Nothing: a file is scored whole."""
        return ()

    def forget(self) -> None:
        """Nothing is there."""

    def write(self, chunk: int, answers: pa.Table, errors: pa.Table) -> None:
        """Add a chunk to both files."""
        for table, rows in zip(self._tables, (errors, answers), strict=True):
            writer = self._writer(table, rows.schema)
            writer.write_table(rows.cast(writer.schema))

    def finish(self, is_accepted: bool) -> None:
        """Copy both files, the answers last; whether they are shown is decided for all files."""
        for number, table in enumerate(self._tables):
            self._writers[table].close()
            folders.opened(table).write(self._path, self._here(number).read_bytes())

    def close(self) -> None:
        """Drop the files here."""
        self._folder.cleanup()

    def _here(self, number: int) -> Path:
        return Path(self._folder.name) / f"{number}.parquet"

    def _writer(self, table: str, schema: pa.Schema) -> pq.ParquetWriter:
        """A table's writer, in the types that Delta has."""
        if table not in self._writers:
            path = self._here(self._tables.index(table))
            kept = pa.schema(Schema.from_arrow(schema).to_arrow())
            # Of numbers, which repeat too little, a dictionary takes most of the time to write.
            texts = [each.name for each in kept if pa.types.is_string(each.type)]
            self._writers[table] = pq.ParquetWriter(path, kept, use_dictionary=texts)
        return self._writers[table]


def path_of(run: str, number: int) -> str:
    """Where the answers or errors for a file lie below the table."""
    return f"batch-{run}-{number:06}.parquet"


def errors_of(uri: str) -> str:
    """The table of rows without an answer."""
    return f"{uri}.errors"


def footer(files: fs.FileSystem, path: str) -> pq.FileMetaData:
    """What a Parquet file says of itself."""
    with files.open_input_file(path) as stream:
        return pq.read_metadata(stream)
