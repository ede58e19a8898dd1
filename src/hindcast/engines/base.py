"""What an engine does: run compiled SQL over the raw table of a source."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

import pyarrow as pa
from deltalake import DeltaTable

from hindcast import names
from hindcast.definitions import Source

if TYPE_CHECKING:
    from hindcast.stores.online import OnlineStore


# A source's raw table at one version.
RawTable: TypeAlias = DeltaTable
# The column that tells event rows from entity rows.
IS_EVENT = "_is_event"
# An entity row's number of known raw records, replaced ones included; null in event rows.
RECORDS = "_records"
# An entity row's stored features that are null for want of digits, apart by
# names.SEPARATOR; null in event rows.
OVERFLOWED = "_overflowed"


@dataclass(frozen=True)
class OfflineTarget:
    """Where event rows go: a Delta table's URI, the columns, and the constant columns to add.

    metadata: what the commit has to carry.
    """

    uri: str
    columns: Sequence[str]
    constants: dict[str, str]
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """The event rows of the offline table, and the known raw records that they came from.

    overflows: stored feature -> entity rows in which it is null for want of digits.
    """

    events: int
    records: int
    overflows: Mapping[str, int]


def overflows(lists: Iterable[str | None]) -> Counter[str]:
    """How many entity rows name each feature as overflowed."""
    return Counter(name for listed in lists if listed for name in listed.split(names.SEPARATOR))


class Computed(Protocol):
    """Computed feature rows: event rows (_is_event) and one row per entity at the instant.

    write_offline comes first: rows of both kinds come out of one pass over the history.
    """

    def write_offline(self, target: OfflineTarget) -> Written:
        """Replace the Delta table's content by the event rows in one commit.

        Without any event nothing is committed.
        """
        ...

    def load_online(self, store: "OnlineStore", table: str, columns: Mapping[str, str]) -> int:
        """Copy the entity rows into a Postgres table; returns the rows.

        columns: of the table -> of the rows. Several tables may take columns of the same rows.
        """
        ...


class Engine(Protocol):
    """Runs SQL of its dialect that reads the relations `raw` and `spine`."""

    name: str
    dialect: str

    def query(
        self,
        sql: str,
        raw: DeltaTable,
        spine: pa.Table | None = None,
        source: Source | None = None,
    ) -> pa.Table:
        """The result of a query, in the order the SQL asks for.

        source: by whose schema of today raw is read; raises what raw.selection raises.
        """
        ...

    def compute(
        self, sql: str, raw: DeltaTable, source: Source | None = None
    ) -> AbstractContextManager[Computed]:
        """Run a materialization query once, and keep its rows until the context ends."""
        ...
