"""The ledger's chain, walked: whether every row is the one that was written, when it was."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select, text

from hindcast.stores.ledger import tables
from hindcast.stores.ledger.columns import metadata
from hindcast.stores.ledger.heads import Heads
from hindcast.stores.ledger.records import Damage, Head


class Chain:
    """The chain of one ledger; every method is one transaction and raises what a Ledger does."""

    def __init__(
        self, transaction: Callable[[], AbstractContextManager[Connection]], heads: Heads | None
    ) -> None:
        self._transaction, self._heads = transaction, heads

    def head(self) -> Head | None:
        """The newest entry's place and digest, which stands for all before it; None of no row."""
        with self._transaction() as connection:
            return newest(connection)

    def keep(self) -> None:
        """Write the head where heads are kept; raises what writing there raises."""
        if self._heads is not None and (found := self.head()):
            self._heads.keep(found)

    def ended_at(self) -> datetime | None:
        """When the newest entry was chained."""
        with self._transaction() as connection:
            found: datetime | None = connection.scalar(select(func.max(tables.chain.c.chained_at)))
        return found

    def damage(self, kept: Iterable[Head] | None = None) -> list[Damage]:
        """What is not as it was written, by the entries and the heads that were kept of them.

        kept: other heads than those of this ledger's own place.
        """
        if kept is None:
            kept = self._heads.kept() if self._heads else []
        with self._transaction() as connection:
            return damage(connection, kept)


def newest(connection: Connection) -> Head | None:
    """The chain's head; None of an empty ledger."""
    table = tables.chain
    statement = select(table.c.place, table.c.head).order_by(table.c.place.desc()).limit(1)
    row = connection.execute(statement).one_or_none()
    return None if row is None else Head(*row)


def damage(connection: Connection, kept: Iterable[Head]) -> list[Damage]:
    """The first wrong entry, the first wrong row of each table, and the first head not found.

    kept: heads that were written outside the database.
    """
    # As the entries' digests were made, whatever the session's own settings are.
    connection.execute(text("SET LOCAL timezone = 'UTC'"))
    connection.execute(text("SET LOCAL extra_float_digits = 1"))
    wrong = [*_entries(connection), *_rows(connection), *_heads(connection, kept)]
    return sorted(wrong, key=lambda found: (found.place is None, found.place or 0))


def chained() -> list[Table]:
    """The tables whose rows have entries."""
    return [table for table in metadata.sorted_tables if table is not tables.chain]


# Digests as the migration's functions make them. A row may lie from its entry as far as a
# transaction is long: an hour.
_ENTRIES = """
SELECT place, entry_of, key, is_next, is_linked FROM (
    SELECT place, entry_of, key,
        place = coalesce(lag(place) OVER by_place, 0) + 1 AS is_next,
        head = encode(sha256(convert_to(jsonb_build_array(place, entry_of, key, digest, chained_at,
            lag(head) OVER by_place)::text, 'UTF8')), 'hex') AS is_linked,
        coalesce(chained_at, '-infinity') >= coalesce(max(chained_at) OVER before, '-infinity')
            - interval '1 hour' AS is_later
    FROM ledger.chain WINDOW by_place AS (ORDER BY place),
        before AS (ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
) AS entries WHERE NOT (is_next AND is_linked AND is_later) ORDER BY place LIMIT 1
"""
_ROWS = """
SELECT place, key, is_there, is_chained, is_same FROM (
    SELECT place, coalesce(chain.key, found.key)::text AS key, entry IS NOT NULL AS is_there,
        place IS NOT NULL AS is_chained, chained_at IS NULL OR stamp BETWEEN
            chained_at - interval '1 hour' AND chained_at + interval '1 hour' AS is_timely,
        digest = encode(sha256(convert_to((SELECT jsonb_object_agg(e.key, e.value)
            FROM jsonb_each(entry) AS e WHERE e.value <> 'null')::text, 'UTF8')), 'hex') AS is_same
    FROM (SELECT * FROM ledger.chain WHERE entry_of = '{table}') AS chain
    FULL JOIN (SELECT to_jsonb(t) AS entry, t.{stamp} AS stamp, jsonb_build_array({keys}) AS key
        FROM ledger.{table} AS t) AS found ON found.key = chain.key
) AS compared WHERE NOT (is_there AND is_chained AND is_same AND is_timely)
ORDER BY place NULLS LAST LIMIT 1
"""


def _entries(connection: Connection) -> Iterator[Damage]:
    for place, entry_of, key, is_next, is_linked in connection.execute(text(_ENTRIES)):
        if not is_next:
            what = f"the entries before place {place} are gone"
        elif not is_linked:
            what = f"entry {place}, of {entry_of} {_key(key)}, does not follow from the one before"
        else:
            what = f"entry {place}, of {entry_of} {_key(key)}, is dated before those before it"
        yield Damage(place, what)


def _rows(connection: Connection) -> Iterator[Damage]:
    for table in chained():
        statement = _ROWS.format(
            table=table.name,
            stamp=_stamp(table),
            keys=", ".join(f"t.{column.name}" for column in table.primary_key),
        )
        for row in connection.execute(text(statement)):
            yield Damage(row.place, f"ledger.{table.name} {row.key}: {_reason(row)}")


def _reason(row: Any) -> str:
    if not row.is_there:
        return "the row was removed"
    if not row.is_chained:
        return "the row was inserted past the chain's trigger"
    if not row.is_same:
        return "the row was changed since it was written"
    return "the row's instant is not when it was written"


def _heads(connection: Connection, kept: Iterable[Head]) -> Iterator[Damage]:
    table, last = tables.chain, newest(connection)
    end = last.place if last else 0
    wanted = sorted(kept, key=lambda head: head.place)
    if wanted and wanted[-1].place > end:
        place = wanted[-1].place
        yield Damage(place, f"the ledger ends at place {end}; a head was kept of place {place}")
    here = func.any([head.place for head in wanted])
    found = connection.execute(select(table.c.place, table.c.head).where(table.c.place == here))
    present = {row.place: row.head for row in found}
    for head in wanted:
        if present.get(head.place, head.head) != head.head:
            what = f"place {head.place} has another head than the one kept of it"
            yield Damage(head.place, f"the chain was made anew: {what}")
            return


def _stamp(table: Table) -> str:
    """The column of the instant that the database gives a row."""
    return next(
        column.name
        for column in table.columns
        if column.server_default is not None and column.name.endswith("_at")
    )


def _key(key: list[Any]) -> str:
    return " ".join(map(str, key))
