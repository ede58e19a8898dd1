"""Calls of the control API in the ledger: who asked for what, and the answers that a key keeps."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import Connection, Select, insert, select

from hindcast.stores.ledger import documents
from hindcast.stores.ledger.records import KeptAnswer
from hindcast.stores.ledger.tables import calls
from hindcast.stores.ledger.transactions import lock, record


class Calls:
    """The calls of one ledger; every method is one transaction and raises what a Ledger does."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._transaction = transaction

    @contextmanager
    def alone(self, by: str, key: str) -> Iterator[None]:
        """Let no other call of this caller with this key go on until the with ends."""
        with self._transaction() as connection:
            lock(connection, f"calls of {by} with key {key}")
            yield

    def kept(self, by: str, key: str) -> KeptAnswer | None:
        """What the call of this caller with this key was answered."""
        columns: Select[Any] = select(calls.c.digest, calls.c.status, calls.c.answer)
        mine = columns.where(calls.c.by == by, calls.c.key == key)
        with self._transaction() as connection:
            row = connection.execute(mine).one_or_none()
        return None if row is None else record(KeptAnswer, row)

    def add(
        self,
        by: str,
        role: str | None,
        method: str,
        path: str,
        status: int,
        kept: tuple[str, str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Record a call; kept: its key, digest and answer."""
        key, digest, answer = kept or (None, None, None)
        values = {
            "by": documents.text(by),
            "role": role,
            "method": method,
            "path": documents.text(path),
            "status": status,
            "key": key,
            "digest": digest,
            "answer": None if answer is None else documents.document(answer),
        }
        with self._transaction() as connection:
            connection.execute(insert(calls).values(values))
