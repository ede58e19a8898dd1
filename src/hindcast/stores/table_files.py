"""A Delta table's files as they lie: log entries, checkpoints, Parquet; and their digests."""

import hashlib
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.fs as fs
from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler

from hindcast.errors import DamagedError, first_line
from hindcast.stores.reading import reader

# In commitInfo: the ledger's intent that a commit carries out.
INTENT = "hindcast_commit"
_THREADS = 8

Given = TypeVar("Given")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Added:
    """A file that a commit adds: its path below the table, bytes, and rows where it says."""

    path: str
    size: int
    rows: int | None


@dataclass(frozen=True)
class Entry:
    """One entry of a table's log."""

    version: int
    digest: str
    size: int
    intent: str | None
    added: tuple[Added, ...]


def filesystem(uri: str) -> fs.FileSystem:
    """The files below a table's URI, by paths relative to it; a folder or s3:// alike."""
    return fs.PyFileSystem(DeltaStorageHandler(uri))


class TableFiles:
    """Reads one table's files; a file that is not there is None."""

    def __init__(self, uri: str) -> None:
        self._uri, self._reader = uri, reader(uri)

    def entry(self, version: int) -> Entry | None:
        """The log's entry of a version; raises DamagedError for one that is no JSON."""
        chunks = self._reader.chunks(entry_path(version))
        if chunks is None:
            return None
        try:
            return _parsed(version, b"".join(chunks))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedError(
                f"{self._uri}: log entry {version} is damaged: {first_line(error)}"
            ) from error

    def entries(self, versions: Iterable[int]) -> list[Entry | None]:
        """The log's entries of versions, in their order; raises what entry raises."""
        return together(self.entry, versions)

    def digests(self, paths: Iterable[str]) -> list[str | None]:
        """The SHA-256 of each file, in their order."""
        return together(self._digest, paths)

    def sizes(self, paths: Iterable[str]) -> list[int | None]:
        """The bytes of each file, in their order."""
        return together(self._reader.size, paths)

    def _digest(self, path: str) -> str | None:
        chunks = self._reader.chunks(path)
        if chunks is None:
            return None
        digest = hashlib.sha256()
        for chunk in chunks:
            digest.update(chunk)
        return digest.hexdigest()


def together(work: Callable[[Given], Found], given: Iterable[Given]) -> list[Found]:
    """The results of work that waits or hashes, in the order given."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(work, given))


def digest_of(content: bytes) -> str:
    """The SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def entry_path(version: int) -> str:
    """Where the log has the entry of a version."""
    return f"_delta_log/{version:020}.json"


def checkpoint_path(version: int) -> str:
    """Where the log has a checkpoint of a version, if it has one."""
    return f"_delta_log/{version:020}.checkpoint.parquet"


def active(table: DeltaTable) -> dict[str, int]:
    """The files that a table consists of at its version, and the bytes that its log says."""
    adds = pa.table(table.get_add_actions())
    paths, sizes = adds["path"].to_pylist(), adds["size_bytes"].to_pylist()
    return {unquote(path): size for path, size in zip(paths, sizes, strict=True)}


def state(table: DeltaTable) -> str:
    """A digest of what a table is at its version: its files, and its columns with their types."""
    fields = json.loads(table.schema().to_json())["fields"]
    columns = [(field["name"], field["type"]) for field in fields]
    said = json.dumps([sorted(active(table).items()), columns], sort_keys=True)
    return digest_of(said.encode())


def _parsed(version: int, content: bytes) -> Entry:
    actions: list[dict[str, Any]] = [json.loads(line) for line in content.splitlines() if line]
    said: dict[str, Any] = next((a["commitInfo"] for a in actions if "commitInfo" in a), {})
    added = tuple(_added(each["add"]) for each in actions if "add" in each)
    return Entry(version, digest_of(content), len(content), said.get(INTENT), added)


def _added(action: dict[str, Any]) -> Added:
    rows = json.loads(action.get("stats") or "{}").get("numRecords")
    return Added(unquote(action["path"]), int(action["size"]), rows)
