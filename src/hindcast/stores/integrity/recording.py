"""Records what lies in the lake: the commits that were intended, and tables that are adopted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from hindcast import names
from hindcast.errors import first_line
from hindcast.stores import table_files
from hindcast.stores.integrity.damages import refusal
from hindcast.stores.ledger.lake_commits import LakeCommits
from hindcast.stores.ledger.lake_records import History, NewCommit, Origin
from hindcast.stores.table_files import Entry, TableFiles

# On AWS answers are collected without a database; each carries its own proof.
COLLECTED = (names.PREDICTIONS, f"{names.QUARANTINE}/{names.PREDICTIONS}")


@dataclass(frozen=True)
class Recorder:
    """Writes of tables below a lake's root in the ledger; DamagedError as Integrity raises it."""

    root: str
    commits: Callable[[], LakeCommits]

    def record(self, history: History, table: DeltaTable, own: str | None = None) -> None:
        """Record the commits up to the table's version; own: the intent of this process.

        Those of processes that died before they could are among them. Raises DamagedError for a
        commit that nobody intended.
        """
        versions = range(history.version + 1, table.version() + 1)
        entries = self._entries(history.table, versions)
        origins = self._origins(history, entries, own)
        self._add(history, zip(entries, origins, strict=True), table)

    def take(self, history: History, table: DeltaTable) -> None:
        """Record the commits up to the table's version, whoever wrote them."""
        versions = range(history.version + 1, table.version() + 1)
        entries = self._entries(history.table, versions)
        self._add(history, ((entry, "found") for entry in entries), table)

    def adopt(self, name: str, reason: str) -> int:
        """Take a table as it lies, whatever was recorded of it; how many commits it has."""
        history, table = self.commits().adopt(name, reason), self.open(name)
        if table is None:
            return 0
        found = self.files(name).entries(range(table.version() + 1))
        entries = [entry for entry in found if entry is not None]
        self._add(history, ((entry, "adopted") for entry in entries), table)
        return len(entries)

    def open(self, name: str, version: int | None = None) -> DeltaTable | None:
        """A table as it lies; DamagedError for one that cannot be read."""
        try:
            return DeltaTable(f"{self.root.rstrip('/')}/{name}", version=version)
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as error:
            raise refusal(name, f"cannot be opened: {first_line(error)}") from error

    def files(self, name: str) -> TableFiles:
        """The files of a table."""
        return TableFiles(f"{self.root.rstrip('/')}/{name}")

    def _entries(self, name: str, versions: range) -> list[Entry]:
        entries = []
        for version, entry in zip(versions, self.files(name).entries(versions), strict=True):
            if entry is None:
                raise refusal(name, f"log entry {version} is missing")
            entries.append(entry)
        return entries

    def _origins(
        self, history: History, entries: Sequence[Entry], own: str | None
    ) -> list[Origin | None]:
        """How each entry came about; None for what another process has recorded meanwhile."""
        name, origins = history.table, list[Origin | None]()
        intents = self.commits().open_intents(name, {e.intent for e in entries if e.intent})
        for entry in entries:
            if entry.intent in intents:
                intents.remove(entry.intent)  # It was for one commit.
                origins.append("written" if entry.intent == own else "recovered")
            elif name in COLLECTED:
                origins.append("found")
            elif self.commits().commit(history, entry.version):
                origins.append(None)
            else:
                raise refusal(name, f"nobody intended its version {entry.version}")
        return origins

    def _add(
        self,
        history: History,
        found: Iterable[tuple[Entry, Origin | None]],
        table: DeltaTable,
    ) -> None:
        known = [(entry, origin) for entry, origin in found if origin is not None]
        files = self.files(history.table)
        paths = [file.path for entry, _ in known for file in entry.added]
        digests = dict(zip(paths, files.digests(paths), strict=True))
        points = files.digests(table_files.checkpoint_path(e.version) for e, _ in known)
        self.commits().add(
            history,
            [
                _commit(entry, origin, digests, checkpoint, table)
                for (entry, origin), checkpoint in zip(known, points, strict=True)
            ],
        )


def _commit(
    entry: Entry,
    origin: Origin,
    digests: Mapping[str, str | None],
    checkpoint: str | None,
    table: DeltaTable,
) -> NewCommit:
    """An entry as the ledger has it; a file that was gone before it was adopted is not in it."""
    rows = [file.rows for file in entry.added]
    return NewCommit(
        version=entry.version,
        origin=origin,
        intent=entry.intent if origin in ("written", "recovered") else None,
        rows=None if None in rows else sum(row or 0 for row in rows),
        entry=entry.digest,
        entry_size=entry.size,
        checkpoint=checkpoint,
        state=table_files.state(table) if entry.version == table.version() else None,
        files=[(f.path, f.size, digest) for f in entry.added if (digest := digests[f.path])],
    )
