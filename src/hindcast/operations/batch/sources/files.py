"""Files of every format that ingest reads: one, a folder or a pattern, here or on S3."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pydantic import field_validator

from hindcast.definitions import Parquet
from hindcast.engines.duckdb import session
from hindcast.errors import InputError, first_line
from hindcast.formats import parquet_rows
from hindcast.formats.objects import format_of, listed, local, name_of
from hindcast.formats.source_file import SourceFile, opened
from hindcast.formats.source_file import rows as rows_of
from hindcast.operations.batch.parts import PartContext, Refused
from hindcast.operations.batch.splits import RowSplit, cut
from hindcast.operations.batch.values import Strict
from hindcast.stores import aws


class LocalFilesParams(Strict):
    """path: a file, a folder, or a pattern."""

    path: str

    @field_validator("path")
    @classmethod
    def _is_here(cls, path: str) -> str:
        if path.startswith("s3://"):
            raise ValueError("is on S3; use type s3")
        return path


class LocalFiles:
    """Rows of files, in the order of their names; CSV is text, an empty value null."""

    Params: type[Strict] = LocalFilesParams

    is_repeatable = True

    def __init__(self, params: Any, context: PartContext) -> None:
        """Find the files; raises InputError where there are none, or one of no known format."""
        self._files = listed(params.path)
        for file in self._files:
            format_of(name_of(file))
        self._groups: Sequence[int] | None = None
        self.refused: list[Refused] = []

    @cached_property
    def columns(self) -> Sequence[str]:
        """Of the first file; raises InputError for what cannot be read."""
        if _is_parquet(self._files[0]):
            with parquet_rows.opened(self._files[0]) as found:
                return list(found.schema_arrow.names)
        with ExitStack() as stack:
            file, _ = self._open(self._files[0], stack)
            return list(file.types)

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """Each file with the digest of its bytes; an object with S3's ETag of them."""
        # Most of the time is in OpenSSL, which lets the others work.
        with ThreadPoolExecutor() as threads:
            digests = threads.map(self._digest, self._files)
        return {"files": dict(zip(map(name_of, self._files), digests, strict=True))}

    def tables(self, rows: int) -> Iterator[pa.Table]:
        """The rows of all files, as tables of so many; raises InputError for other columns."""
        return rechunked(self._read(rows), rows)

    def splits(self) -> Iterator[RowSplit]:
        """Its row groups; a file that Arrow does not read as DuckDB does is read whole.

        Raises InputError for a file that is not Parquet.
        """
        for file in self._files:
            if not _is_parquet(file):
                raise InputError(f"{name_of(file)}: engine spark reads Parquet; use engine local")
            with parquet_rows.opened(file) as found:
                footer = found.metadata
                if not parquet_rows.is_plain(found.schema_arrow):
                    yield RowSplit(file, footer.num_rows)
                    continue
                groups = [footer.row_group(each).num_rows for each in range(footer.num_row_groups)]
            yield from cut(file, groups)

    def only(self, split: RowSplit) -> None:
        """Read no other rows from now on."""
        self._files, self._groups = [split.file], split.groups

    def close(self) -> None:
        """Nothing is open between reads."""

    def _read(self, rows: int) -> Iterator[pa.Table]:
        for name in self._files:
            if _is_parquet(name):
                with parquet_rows.opened(name) as found:
                    if parquet_rows.is_plain(found.schema_arrow):
                        self._check_columns(name, found.schema_arrow.names)
                        yield from parquet_rows.rows(found, self.columns, rows, self._groups)
                        continue
            with ExitStack() as stack:
                file, connection = self._open(name, stack)
                self._check_columns(name, file.types)
                yield from self._of_file(file, connection, rows)

    def _check_columns(self, file: str, held: Collection[str]) -> None:
        if missing := [each for each in self.columns if each not in held]:
            raise InputError(
                f"{name_of(file)}: column '{missing[0]}' is missing; the files of one source "
                "have the same columns"
            )

    def _of_file(
        self, file: SourceFile, connection: duckdb.DuckDBPyConnection, rows: int
    ) -> Iterator[pa.Table]:
        count = 0
        try:
            for batch in rows_of(file, connection).to_arrow_reader(rows):
                count += batch.num_rows
                yield pa.Table.from_batches([batch]).select(self.columns)
            torn = file.torn(connection, count)
        except duckdb.Error as error:
            raise InputError(f"{file.name}: cannot be read: {first_line(error)}") from error
        self.refused += [Refused(None, f"{file.name} line {t.line}: {t.reason}") for t in torn]

    def _open(self, name: str, stack: ExitStack) -> tuple[SourceFile, duckdb.DuckDBPyConnection]:
        path = stack.enter_context(local(name))
        connection = stack.enter_context(session())
        return stack.enter_context(opened(path, name_of(name), connection)), connection

    def _digest(self, name: str) -> str:
        with local(name) as path, Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_parquet(file: str) -> bool:
    return isinstance(format_of(name_of(file)), Parquet)


class S3FilesParams(Strict):
    """uri: s3://bucket/key, with an end of / a folder, with * a pattern."""

    uri: str

    @field_validator("uri")
    @classmethod
    def _is_there(cls, uri: str) -> str:
        if not uri.startswith("s3://"):
            raise ValueError("is no s3:// address; use type local_file")
        return uri

    @property
    def path(self) -> str:
        """What files are listed by."""
        return self.uri


class S3Files(LocalFiles):
    """Rows of objects; all but Parquet are copied here while they are read."""

    Params: type[Strict] = S3FilesParams

    def _digest(self, name: str) -> str:
        return aws.etag(name)


def rechunked(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows as tables of exactly so many, the last of fewer."""
    waiting: list[pa.Table] = []
    count = 0
    for table in tables:
        while table.num_rows:
            part = table.slice(0, rows - count)
            waiting.append(part)
            count += part.num_rows
            table = table.slice(part.num_rows)
            if count == rows:
                yield pa.concat_tables(waiting).combine_chunks()
                waiting, count = [], 0
    if count:
        yield pa.concat_tables(waiting).combine_chunks()
