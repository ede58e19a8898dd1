"""The online store's operations, each one transaction."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

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
from hindcast.stores.online import likeness, locks, services, swap, versions
from hindcast.stores.online.versions import Connection, LoadingTable, Swap, ViewVersion

if TYPE_CHECKING:
    import pyarrow as pa

# Of one view version: the current table and those a rollback can return to.
KEEP_TABLES = 3


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

    def create_table(
        self, of: ViewVersion, run_id: str, keys: Sequence[str], columns: Mapping[str, DataType]
    ) -> LoadingTable:
        """Make an empty table with these columns, and drop what killed loads of the version left.

        The table stays claimed by this store until it is published or the store is closed.
        Raises InputError for names that do not fit, and for a run that is published already or
        is being loaded.
        """
        loading = LoadingTable(of, run_id, tuple(keys))
        versions.check_names(loading, columns)
        self._release(loading.table)
        holder = connect(self.url, autocommit=True)
        try:
            locks.claim(holder, loading.table)
            with self._transaction(of) as connection:
                _drop_abandoned(connection, loading)
                versions.create_table(connection, loading.table, columns)
        except BaseException:
            holder.close()
            raise
        self._claims[loading.table] = holder
        return loading

    def load(self, table: str, reader: "pa.RecordBatchReader") -> int:
        """Append rows to a table by binary COPY, all or none; the number of rows.

        Columns go by name; those the reader lacks become null. Several processes may load one
        table at once.
        """
        from hindcast.stores.online.copy import copy_rows

        return copy_rows(self.url, table, reader)

    def publish(
        self,
        loaded: LoadingTable,
        as_of: datetime,
        known_by: datetime,
        expected_rows: int,
        force: bool = False,
        keep: int = KEEP_TABLES,
    ) -> Swap:
        """Check a loaded table and make it current, or change nothing; then prune.

        Raises OnlineCheckError naming the column and the numbers; `force` skips the comparison
        with the current table, never the row count nor the uniqueness of the key.
        """
        if as_of.tzinfo is None or known_by.tzinfo is None:
            raise InputError("as_of and known_by need a time zone")
        of, run_id = loaded.of, loaded.run_id
        try:
            with self._transaction(of) as connection:
                facts = _checked(connection, loaded, expected_rows, force)
                swap.add_key(connection, loaded)
                swap.swap_view(connection, of.relation, loaded.table, run_id, as_of)
                moment = {"as_of": as_of, "known_by": known_by}
                counted = {"rows": facts.rows, "null_rates": facts.null_rates}
                published = versions.record(connection, "publish", loaded, moment | counted)
        finally:
            self._release(loaded.table)
        self.prune(of, keep)
        return published

    def rollback(self, of: ViewVersion) -> Swap:
        """Make the table before the current one current again, recorded as one more swap.

        Raises NotFoundError when there is none left to go back to.
        """
        with self._transaction(of) as connection:
            earlier = versions.history(connection, of)[1:]
            if not earlier:
                raise NotFoundError(f"online view {of} has no earlier table to go back to")
            target = earlier[0]
            swap.swap_view(connection, of.relation, target.table, target.run_id, target.as_of)
            facts = ("as_of", "known_by", "rows", "null_rates")
            copied = {name: getattr(target, name) for name in facts}
            return versions.record(connection, "rollback", target, copied)

    def has_earlier(self, of: ViewVersion) -> bool:
        """Whether rollback has a table to go back to."""
        with self._transaction() as connection:
            return len(versions.history(connection, of)) > 1

    def current(self, of: ViewVersion) -> Swap | None:
        """The swap that made the version what it is now; None if it is not materialized."""
        return self.materialized().get(of)

    def swaps(self, of: ViewVersion) -> list[Swap]:
        """Every swap of a view version, newest first."""
        with self._transaction() as connection:
            return versions.swaps(connection, of)[::-1]

    def materialized(self) -> dict[ViewVersion, Swap]:
        """Every view version that can be read now, and the swap that made it what it is."""
        with self._transaction() as connection:
            there = versions.relations(connection)
            last = versions.last_swaps(connection)
            return {swap.of: swap for swap in last if swap.of.relation in there}

    def some_keys(self, of: ViewVersion, wanted: Iterable[str], count: int) -> list[dict[str, Any]]:
        """Some rows' values of those wanted columns that a version has, as text; none offline."""
        with self._transaction() as connection:
            return versions.some_keys(connection, of, wanted, count)

    def services(self) -> dict[str, dict[str, Any]]:
        """The documents by which feature services are answered, by name."""
        with self._transaction() as connection:
            return services.read(connection)

    def put_services(
        self, documents: Mapping[str, Mapping[str, Any]], declared: Iterable[str]
    ) -> None:
        """Answer services by these documents from now on, and none that is not declared."""
        with self._transaction() as connection:
            services.write(connection, documents, list(declared))

    def clock(self) -> datetime:
        """The database's own now, by which swaps are recorded."""
        with self._transaction() as connection:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None, "a function gives one row"
        now: datetime = row[0]
        return now

    def prune(self, of: ViewVersion, keep: int = KEEP_TABLES) -> list[str]:
        """Drop published tables but the current one and the keep - 1 before it; those dropped.

        A table that a reader still holds is left for the next time.
        """
        with self._transaction(of) as connection:
            kept = {swap.table for swap in versions.history(connection, of)[: max(keep, 1)]}
            published = {swap.table for swap in versions.swaps(connection, of)}
            old = sorted((published & versions.tables_of(connection, of)) - kept)
            return [table for table in old if _dropped(connection, table)]

    def drop(self, of: ViewVersion) -> bool:
        """Drop the tables of a view version, not the record of its swaps; whether they are gone.

        One that a reader still holds, or a run loads, is left for the next time.
        """
        with self._transaction(of) as connection:
            tables = versions.tables_of(connection, of)
            if not all(locks.is_unclaimed(connection, table) for table in tables):
                return False
            return _dropped(connection, *tables, relation=of.relation)

    @contextmanager
    def _transaction(self, of: ViewVersion | None = None) -> Iterator[Connection]:
        """A transaction in which the schema exists, alone with the version if one is named."""
        try:
            with connect(self.url) as connection:
                _ensure(connection)
                if of is not None:
                    locks.lock(connection, of.relation)
                yield connection
        except psycopg.errors.LockNotAvailable as error:
            raise StoreUnavailableError(
                f"a reader held online view {of} longer than {swap.SWAP_WAIT}; run it again"
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


def _drop_abandoned(connection: Connection, loading: LoadingTable) -> None:
    """Drop unpublished tables that nobody loads; InputError if this one is published."""
    published = {swap.table for swap in versions.swaps(connection, loading.of)}
    if loading.table in published:
        raise InputError(f"run '{loading.run_id}' of {loading.of} is published already")
    for table in sorted(versions.tables_of(connection, loading.of) - published):
        if table == loading.table or locks.is_unclaimed(connection, table):
            versions.drop_tables(connection, [table])


def _checked(
    connection: Connection, loaded: LoadingTable, expected_rows: int, force: bool
) -> likeness.Facts:
    facts = likeness.measure(connection, loaded.table, loaded.keys)
    likeness.check_whole(facts, loaded.table, loaded.key, expected_rows)
    before = versions.history(connection, loaded.of)[:1]
    if before and not force:
        likeness.require_likeness(facts, before[0])
    return facts


def _dropped(connection: Connection, *tables: str, relation: str | None = None) -> bool:
    """Whether tables, and the Postgres view over one of them, were free to be dropped."""
    try:
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '200ms'")
            if relation is not None:
                swap.drop_view(connection, relation)
            versions.drop_tables(connection, tables)
    except psycopg.errors.LockNotAvailable:
        return False
    return True
