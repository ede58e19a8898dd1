"""The lake: Delta tables below one root, a folder or s3:// URI; a commit is all or nothing."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import DeltaError, TableNotFoundError

from hindcast.errors import ConflictError, HindcastError, InputError, NotFoundError, first_line
from hindcast.stores import widening, writing

if TYPE_CHECKING:
    from hindcast.stores.integrity import Integrity

# Of every commit: versions that are older than delta-rs's 30 days stay, because what was computed
# from them is computed again; and a role that may not delete could not finish its commit.
KEEP_LOG = PostCommitHookProperties(cleanup_expired_logs=False)
# Of every Parquet file that delta-rs writes: DuckDB reads a file by as many cores as it has groups
# of rows, and delta-rs by itself would make one group of a million. As DuckDB and Spark write.
ROW_GROUPS = WriterProperties(max_row_group_size=122_880, compression="SNAPPY")
# What delta-rs panics over in the path of a folder, or reads as another: %20 as a space.
_UNUSABLE = re.compile(r"[][|^\\]|%[0-9A-Fa-f]{2}")


@dataclass(frozen=True)
class Lake:
    """Opens and appends to tables; AWS_* variables configure s3:// as they do for any tool.

    integrity: what the ledger says of the tables. With it, opening one raises DamagedError where it
    is not as recorded, and each commit is recorded.
    """

    root: str
    integrity: "Integrity | None" = None

    def __post_init__(self) -> None:
        path = "" if "://" in self.root else Path(self.root).absolute().as_posix()
        unusable = _UNUSABLE.search(path)
        if unusable:
            raise InputError(
                f"{path}: a Delta table's path cannot have '{unusable[0]}' in it; rename the "
                "folder, or set HINDCAST_LAKE to another"
            )

    def uri(self, *parts: str) -> str:
        """The table's address, such as uri("raw", "payments")."""
        return "/".join((self.root.rstrip("/"), *parts))

    def place(self, uri: str) -> "tuple[Lake, tuple[str, ...]]":
        """The lake that an address is in, this or one of its own, and its folders there."""
        root, given = (
            each if "://" in each else Path(each).absolute().as_posix()
            for each in (self.root.rstrip("/"), uri.rstrip("/"))
        )
        if given.startswith(f"{root}/"):
            return self, tuple(given[len(root) + 1 :].split("/"))
        elsewhere, _, name = uri.rstrip("/").rpartition("/")
        return Lake(elsewhere or "."), (name,)

    def find(self, *parts: str, version: int | None = None) -> DeltaTable | None:
        """The table, as of a version where one is given; None before its first commit."""
        if self.integrity is None:
            return self._opened(parts, version)
        name = "/".join(parts)
        recorded = self.integrity.known(name)
        table = self._opened(parts, version)
        if table is not None:
            self.integrity.check(name, table, recorded)
        return table

    def check_whole(self, *parts: str, version: int | None = None) -> None:
        """Raise DamagedError unless every byte of the table is as recorded, where the ledger is."""
        table = self.find(*parts, version=version)
        if self.integrity is not None and table is not None:
            self.integrity.check_whole("/".join(parts), table)

    @contextmanager
    def committing(self, *parts: str) -> Iterator[dict[str, str]]:
        """The metadata of one commit to the table, which is recorded when the with ends well.

        Raises DamagedError for a table that is not as recorded.
        """
        if self.integrity is None:
            yield {}
            return
        self.integrity.adopt_unknown("/".join(parts))
        self.find(*parts)
        with self.integrity.committing("/".join(parts)) as metadata:
            yield metadata

    def _opened(self, parts: Sequence[str], version: int | None = None) -> DeltaTable | None:
        try:
            return DeltaTable(self.uri(*parts), version=version)
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as error:  # OSError is S3's refusal.
            raise HindcastError(
                f"{self.uri(*parts)}: cannot be opened: {first_line(error)}"
            ) from error

    def open(self, *parts: str, fix: str, version: int | None = None) -> DeltaTable:
        """The table; raises NotFoundError saying what to do first."""
        table = self.find(*parts, version=version)
        if table is None:
            raise NotFoundError(f"{self.uri(*parts)}: the table does not exist yet; {fix}")
        return table

    def has(self, transaction: str, *parts: str) -> bool:
        """Whether the table has a commit of that transaction."""
        table = self.find(*parts)
        return table is not None and table.transaction_version(transaction) is not None

    def append_once(
        self,
        transaction: str,
        rows: pa.RecordBatchReader,
        *parts: str,
        metadata: Mapping[str, str] | None = None,
        identity: str | None = None,
    ) -> bool:
        """Append rows in one commit, unless that transaction is committed already.

        A column whose type was widened goes to a place of its own. identity: what tells the rows
        apart, in words. Raises InputError where the table says otherwise, or has a column of a type
        that is not as wide; ConflictError when another writer created the table, or changed its
        columns, at the same moment; what is to be written is to be read again.
        """
        if self.has(transaction, *parts):
            return False
        try:
            with writing.one_error(self.uri(*parts), "made or changed the table"):
                return self._append(transaction, rows, parts, metadata or {}, identity)
        except ConflictError:
            if self.has(transaction, *parts):
                return False
            raise

    def _append(
        self,
        transaction: str,
        rows: pa.RecordBatchReader,
        parts: Sequence[str],
        metadata: Mapping[str, str],
        identity: str | None,
    ) -> bool:
        self.create(rows.schema, *parts, identity=identity)
        # Looked at and written on one version, so that a commit in between makes ours fail.
        table = DeltaTable(self.uri(*parts))
        if table.transaction_version(transaction) is not None:
            return False
        check_identity(table, identity)
        with self.committing(*parts) as intended:
            write_deltalake(
                table,
                widening.placed(rows, table),
                mode="append",
                schema_mode="merge",
                writer_properties=ROW_GROUPS,
                commit_properties=CommitProperties(
                    custom_metadata={**metadata, **intended},
                    app_transactions=[Transaction(app_id=transaction, version=0)],
                ),
                post_commithook_properties=KEEP_LOG,
            )
        return True

    def compact(self, *parts: str) -> int:
        """Copy a table's small files into large ones, in a commit; how many it replaced.

        What the table said at any version stays readable. Raises ConflictError when another
        writer rewrote files at the same moment.
        """
        table = self.find(*parts)
        if table is None:
            return 0
        with (
            writing.one_error(self.uri(*parts), "changed the table", "compacting"),
            self.committing(*parts) as intended,
        ):
            done = table.optimize.compact(
                writer_properties=ROW_GROUPS,
                commit_properties=CommitProperties(custom_metadata=dict(intended)),
                post_commithook_properties=KEEP_LOG,
            )
        return int(done["numFilesRemoved"])

    def create(self, schema: pa.Schema, *parts: str, identity: str | None = None) -> None:
        """Create the table empty unless it is there, so that a data commit has its transaction."""
        if self._opened(parts) is not None:
            return
        with self.committing(*parts) as intended:
            DeltaTable.create(
                self.uri(*parts),
                schema,
                mode="ignore",
                description=identity,
                commit_properties=CommitProperties(custom_metadata=dict(intended)),
            )


def check_identity(table: DeltaTable, identity: str | None) -> None:
    """Raise InputError where a table's rows are told apart by something else.

    A table made before tables said so has no description, and is taken for what is asked.
    """
    held = table.metadata().description
    if held and identity and held != identity:
        raise InputError(
            f"{widening.where(table)}: its events have {held}, and are now declared to have "
            f"{identity}; declare these as before, or ingest all files into a source of another "
            "name"
        )
