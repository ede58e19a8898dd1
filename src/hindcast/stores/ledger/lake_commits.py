"""Commits of the lake's tables in the ledger: what was to be written, and what lies there."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.dialects.postgresql import insert

from hindcast import names
from hindcast.stores.ledger import lake_tables, tables
from hindcast.stores.ledger.lake_records import History, LakeCommit, NewCommit
from hindcast.stores.ledger.runs import current_run
from hindcast.stores.ledger.transactions import record

_commits, _intents = lake_tables.lake_commits.c, lake_tables.lake_intents.c
_adoptions = lake_tables.lake_adoptions.c


@dataclass(frozen=True)
class Recorded:
    """What is recorded of a table: how far, and commits, the newest first."""

    history: History
    commits: Sequence[LakeCommit]


class LakeCommits:
    """The lake's part of one ledger; every method is one transaction, and raises as a Ledger does.

    A table is named by its folders below the lake's root, such as raw/payments.
    """

    def __init__(
        self, transaction: Callable[[], AbstractContextManager[Connection]], by: str
    ) -> None:
        self._transaction, self._by = transaction, by

    def intend(self, table: str, intent: str) -> None:
        """Say that one commit to a table follows, which carries the id of this intent."""
        values = {"id": intent, "table": table, "run_id": current_run.get(), "by": self._by}
        with self._transaction() as connection:
            connection.execute(insert(lake_tables.lake_intents).values(values))

    def open_intents(self, table: str, intents: Collection[str]) -> set[str]:
        """Those of these ids that were intended for the table, and that no commit has had yet."""
        had = select(_commits.intent).where(_commits.intent == _intents.id).exists()
        wanted = select(_intents.id).where(_intents.table == table, _intents.id.in_(intents), ~had)
        with self._transaction() as connection:
            return set(connection.scalars(wanted))

    def recorded(self, table: str, newest: int | None = None) -> Recorded | None:
        """A table's history with its newest so many commits, or all; None where nothing is."""
        with self._transaction() as connection:
            adoption = connection.scalar(
                select(func.max(_adoptions.number)).where(_adoptions.table == table)
            )
            wanted = _all().where(*_of(table, adoption)).order_by(_commits.version.desc())
            found = connection.execute(wanted.limit(newest))
            commits = [record(LakeCommit, row) for row in found]
        if adoption is None and not commits:
            return None
        version = commits[0].version if commits else -1
        return Recorded(History(table, adoption, version), commits)

    def commit(self, history: History, version: int) -> LakeCommit | None:
        """The commit of one version."""
        wanted = _all().where(*_of(history.table, history.adoption), _commits.version == version)
        with self._transaction() as connection:
            row = connection.execute(wanted).one_or_none()
        return None if row is None else record(LakeCommit, row)

    def add(self, history: History, commits: Iterable[NewCommit]) -> None:
        """Record commits; one that another process has recorded meanwhile stays as it is."""
        place = {"table": history.table, "adoption": history.adoption}
        rows = [{**asdict(each), **place} for each in commits]
        if rows:
            with self._transaction() as connection:
                connection.execute(insert(lake_tables.lake_commits).on_conflict_do_nothing(), rows)

    def adopt(self, table: str, reason: str) -> History:
        """Begin a table's history anew: what is recorded of it from now on is what counts."""
        values = {"table": table, "reason": reason, "by": self._by}
        added = insert(lake_tables.lake_adoptions).values(values).returning(_adoptions.number)
        with self._transaction() as connection:
            return History(table, connection.scalar(added), -1)

    def removed(self, table: str) -> dict[str, str]:
        """Files of a table that a vacuum removed, or was about to, and the run of each."""
        files = tables.runs.c.parameters["removed"][table]
        wanted = select(tables.runs.c.id, files).where(
            tables.runs.c.kind == names.VACUUM, files.is_not(None)
        )
        with self._transaction() as connection:
            found = connection.execute(wanted).all()
        return {path: run for run, paths in found for path in paths or ()}

    def tables(self) -> list[str]:
        """Every table that something is recorded of."""
        found = select(_commits.table).union(select(_adoptions.table))
        with self._transaction() as connection:
            return sorted(connection.scalars(found))


def _of(table: str, adoption: int | None) -> tuple[Any, Any]:
    return _commits.table == table, _commits.adoption.is_not_distinct_from(adoption)


def _all() -> Select[Any]:
    return (
        select(
            *(column for column in _commits if column.name not in ("number", "intent")),
            _intents.run_id,
            tables.runs.c.kind,
        )
        .join_from(lake_tables.lake_commits, lake_tables.lake_intents, isouter=True)
        .join(tables.runs, _intents.run_id == tables.runs.c.id, isouter=True)
    )
