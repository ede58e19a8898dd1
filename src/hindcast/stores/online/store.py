"""The online store's operations, each one transaction."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING

import psycopg

from hindcast import names
from hindcast.datatypes import DataType
from hindcast.errors import (
    HindcastError,
    InputError,
    NotFoundError,
    StoreUnavailableError,
    first_line,
)
from hindcast.stores.database import connect
from hindcast.stores.online import checks, locks, swap, versions
from hindcast.stores.online.versions import Connection, LoadingVersion, OnlineVersion

if TYPE_CHECKING:
    import pyarrow as pa

KEEP_VERSIONS = 3


class OnlineStore:
    """The online tables of one database; close it, or use it in a with statement.

    Every method raises StoreUnavailableError when Postgres does not answer. A copy sent to
    another process can load; tables stay claimed by the store that created them.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._claims: dict[str, Connection] = {}

    def __enter__(self) -> "OnlineStore":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[type["OnlineStore"], tuple[str]]:
        return OnlineStore, (self.url,)

    def close(self) -> None:
        """Give up tables that were created but not published; the next run drops them."""
        for table in list(self._claims):
            self._release(table)

    def ensure(self) -> None:
        """Make the schema and the record of swaps where they are missing."""
        with self._transaction():
            pass

    def create_version(
        self, view: str, run_id: str, key: str, columns: Mapping[str, DataType]
    ) -> LoadingVersion:
        """Make an empty table with these columns, and drop what killed loads of the view left.

        The table stays claimed by this store until it is published or the store is closed.
        Raises InputError for names that do not fit, and for a run that is published already or
        is being loaded.
        """
        version = LoadingVersion(view, run_id, key)
        versions.check_names(version, columns)
        self._release(version.table)
        holder = connect(self.url, autocommit=True)
        try:
            locks.claim(holder, version.table)
            with self._transaction(view) as connection:
                _drop_abandoned(connection, version)
                versions.create_table(connection, version.table, columns)
        except BaseException:
            holder.close()
            raise
        self._claims[version.table] = holder
        return version

    def load(self, table: str, reader: "pa.RecordBatchReader") -> int:
        """Append rows to a version table by binary COPY, all or none; the number of rows.

        Columns go by name; those the reader lacks become null. Several processes may load one
        table at once.
        """
        from hindcast.stores.online.copy import copy_rows

        return copy_rows(self.url, table, reader)

    def publish(
        self,
        version: LoadingVersion,
        as_of: datetime,
        known_by: datetime,
        definition_hash: str,
        expected_rows: int,
        force: bool = False,
        keep: int = KEEP_VERSIONS,
    ) -> OnlineVersion:
        """Check a loaded table and make it current, or change nothing; then prune.

        Raises OnlineCheckError naming the column and the numbers; `force` skips the comparison
        with the current version, never the row count nor the uniqueness of the key.
        """
        if as_of.tzinfo is None or known_by.tzinfo is None:
            raise InputError("as_of and known_by need a time zone")
        moment = {"as_of": as_of, "known_by": known_by, "definition_hash": definition_hash}
        try:
            with self._transaction(version.view) as connection:
                facts = _checked(connection, version, expected_rows, force)
                swap.add_key(connection, version)
                swap.swap_view(connection, version.view, version.table, version.run_id, as_of)
                counted = {"rows": facts.rows, "null_rates": facts.null_rates}
                published = versions.record(connection, "publish", version, moment | counted)
        finally:
            self._release(version.table)
        self.prune(version.view, keep)
        return published

    def rollback(self, view: str) -> OnlineVersion:
        """Make the version before the current one current again, recorded as one more swap.

        Raises NotFoundError when there is none left to go back to.
        """
        with self._transaction(view) as connection:
            earlier = versions.history(connection, view)[1:]
            if not earlier:
                raise NotFoundError(f"online view '{view}' has no earlier version to go back to")
            target = earlier[0]
            swap.swap_view(connection, view, target.table, target.run_id, target.as_of)
            facts = ("as_of", "known_by", "definition_hash", "rows", "null_rates")
            copied = {name: getattr(target, name) for name in facts}
            return versions.record(connection, "rollback", target, copied)

    def current(self, view: str) -> OnlineVersion | None:
        """The swap that made the view what it is now; None if nothing was ever published."""
        return next(iter(self.versions(view)), None)

    def versions(self, view: str) -> list[OnlineVersion]:
        """Every swap of a view, newest first."""
        with self._transaction() as connection:
            return versions.swaps(connection, view)[::-1]

    def prune(self, view: str, keep: int = KEEP_VERSIONS) -> list[str]:
        """Drop published tables but the current one and the keep - 1 before it; those dropped.

        A table that a reader still holds is left for the next time.
        """
        with self._transaction(view) as connection:
            kept = {version.table for version in versions.history(connection, view)[: max(keep, 1)]}
            published = {version.table for version in versions.swaps(connection, view)}
            old = sorted((published & versions.tables_of(connection, view)) - kept)
            return [table for table in old if _dropped(connection, table)]

    @contextmanager
    def _transaction(self, view: str | None = None) -> Iterator[Connection]:
        """A transaction in which the schema exists, alone with the view if one is named."""
        try:
            with connect(self.url) as connection:
                _ensure(connection)
                if view is not None:
                    locks.lock(connection, view)
                yield connection
        except psycopg.errors.LockNotAvailable as error:
            raise StoreUnavailableError(
                f"a reader held online view '{view}' longer than {swap.SWAP_WAIT}; run it again"
            ) from error
        except psycopg.OperationalError as error:
            raise StoreUnavailableError(f"Postgres: {first_line(error)}") from error
        except psycopg.Error as error:
            raise HindcastError(f"Postgres: {first_line(error)}") from error

    def _release(self, table: str) -> None:
        holder = self._claims.pop(table, None)
        if holder is not None:
            holder.close()


def _ensure(connection: Connection) -> None:
    # Looking first lets a role that may not create anything read the record.
    present = connection.execute("SELECT to_regclass(%s)", [versions.LOG.as_string(connection)])
    if present.fetchone() == (None,):
        locks.lock(connection, names.ONLINE_VERSIONS)
        connection.execute(versions.CREATE_LOG)


def _drop_abandoned(connection: Connection, version: LoadingVersion) -> None:
    """Drop unpublished tables that nobody loads; InputError if `version` is published."""
    published = {swap.table for swap in versions.swaps(connection, version.view)}
    if version.table in published:
        raise InputError(f"run '{version.run_id}' of '{version.view}' is published already")
    for table in sorted(versions.tables_of(connection, version.view) - published):
        if table == version.table or locks.is_unclaimed(connection, table):
            versions.drop_tables(connection, [table])


def _checked(
    connection: Connection, version: LoadingVersion, expected_rows: int, force: bool
) -> checks.Facts:
    facts = checks.measure(connection, version.table, version.key)
    checks.check_whole(facts, version.table, version.key, expected_rows)
    before = versions.history(connection, version.view)[:1]
    if before and not force:
        checks.check_drift(facts, before[0].rows, before[0].null_rates)
    return facts


def _dropped(connection: Connection, table: str) -> bool:
    try:
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '200ms'")
            versions.drop_tables(connection, [table])
    except psycopg.errors.LockNotAvailable:
        return False
    return True
