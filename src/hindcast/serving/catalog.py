"""The feature services of an online store, by the documents that lie beside its tables."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from hindcast import names
from hindcast.errors import NotMaterializedError
from hindcast.serving import plan as plans
from hindcast.serving.features import FeatureReader
from hindcast.serving.requests import RequestError
from hindcast.serving.store import Cursor, Database, OnlineReader, open_database
from hindcast.settings import Settings

# A service that was materialized anew is answered by its new definition after so long at most.
REREAD_SECONDS = 30.0

_DOCUMENTS = sql.SQL("SELECT name, document FROM {}").format(
    sql.Identifier(names.ONLINE_SCHEMA, names.ONLINE_SERVICES)
)


class Catalog:
    """What each service is answered by; its documents are read at first use, then anew.

    declared: the services that a project names, materialized or not; none where that is not known.
    """

    def __init__(
        self,
        database: Database,
        declared: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._declared = declared
        self._clock = clock
        self._documents: Mapping[str, Mapping[str, Any]] = {}
        self._readers: dict[str, FeatureReader] = {}
        self._read_at = float("-inf")

    @property
    def names(self) -> list[str]:
        """The services there are; raises NotMaterializedError where nobody can say."""
        found = sorted({*self._declared, *self._current()})
        if not found:
            raise _missing("no feature service is in the online store")
        return found

    def reader(self, service: str) -> FeatureReader:
        """What reads a service's features.

        Raises RequestError 404 for a service that there is not, naming those that there are, and
        NotMaterializedError for one whose views are not online yet.
        """
        document = self._current(service).get(service)
        if document is None:
            known = self.names
            if service in known:
                raise _missing(f"feature service '{service}' is not in the online store")
            message = f"there is no service '{service}'; known are {', '.join(known)}"
            raise RequestError(404, "service", message)
        if service not in self._readers:
            plan = plans.of_service(document)
            self._readers[service] = FeatureReader(plan, OnlineReader(self._database, plan.sql))
        return self._readers[service]

    def close(self) -> None:
        """Drop the connection to the store."""
        self._database.close()

    def _current(self, service: str | None = None) -> Mapping[str, Mapping[str, Any]]:
        """The documents, read anew where they are old or lack the service, or are none."""
        now = self._clock()
        is_there = service in self._documents if service else bool(self._documents)
        if not is_there or now - self._read_at >= REREAD_SECONDS:
            found = self._database.attempt(_documents)
            if found != self._documents:
                self._documents, self._readers = found, {}
            self._read_at = now
        return self._documents


def open_catalog(settings: Settings, declared: Sequence[str] = ()) -> Catalog:
    """The services of settings.database_url; connects at first use.

    Raises InputError where it is not set, or IAM is to be used without what it needs.
    """
    return Catalog(open_database(settings), declared)


def _documents(cursor: Cursor) -> dict[str, Mapping[str, Any]]:
    """Service -> document; none where nothing was materialized ever."""
    try:
        return dict(cursor.execute(_DOCUMENTS))
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return {}


def _missing(what: str) -> NotMaterializedError:
    return NotMaterializedError(f"{what} yet; run: hindcast materialize")
