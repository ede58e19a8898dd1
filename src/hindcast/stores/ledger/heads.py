"""Where heads of the chain are kept outside the database, so that its administrator is found out.

A file of the home, or objects of a bucket that holds every version of them locked.
"""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from hindcast.errors import HindcastError, first_line
from hindcast.stores import aws
from hindcast.stores.ledger.records import Head

FILE = "heads.jsonl"


class Heads(Protocol):
    """Heads of one ledger, only ever added."""

    @property
    def place(self) -> str:
        """Where they are, for people."""
        ...

    def keep(self, head: Head) -> None:
        """Add a head; one that is there already changes nothing."""
        ...

    def kept(self) -> list[Head]:
        """All that were kept."""
        ...


class FolderHeads:
    """A file with a line for each head; only its owner may read or write it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE

    @property
    def place(self) -> str:
        """The file."""
        return str(self._file)

    def keep(self, head: Head) -> None:
        """Append a head; raises HindcastError where the file cannot be written."""
        now = datetime.now(UTC).isoformat()
        line = json.dumps({"place": head.place, "head": head.head, "kept_at": now}) + "\n"
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            # In one write: lines of processes at work at once do not mix.
            with os.fdopen(handle, "ab", buffering=0) as stream:
                stream.write(line.encode())
        except OSError as error:
            raise HindcastError(
                f"{self._file}: {first_line(error)}; heads are kept there"
            ) from error

    def kept(self) -> list[Head]:
        """All that were kept; raises HindcastError naming a line that is none."""
        if not self._file.exists():
            return []
        lines = self._file.read_text(errors="replace").splitlines()
        return [self._head(number, line) for number, line in enumerate(lines, 1)]

    def _head(self, number: int, line: str) -> Head:
        try:
            found = json.loads(line)
            return Head(int(found["place"]), str(found["head"]))
        except (KeyError, TypeError, ValueError):
            raise HindcastError(
                f"{self._file} line {number}: it is no head; somebody changed the file"
            ) from None


class BucketHeads:
    """An object for each head below an s3:// URI, whose name says all of it.

    It takes s3:PutObject, and s3:ListBucketVersions to read: a delete marker hides nothing.
    """

    def __init__(self, uri: str) -> None:
        self.place = uri.rstrip("/")
        self._bucket, _, path = self.place.removeprefix("s3://").partition("/")
        self._prefix = f"{path}/" if path else ""

    def keep(self, head: Head) -> None:
        """Write an object; raises InputError where S3 refuses, StoreUnavailableError."""
        key = f"{self._prefix}{head.place:020d}-{head.head}"
        with aws.one_error(self.place):
            # S3 takes an object under a lock only with a checksum.
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=b"", ChecksumAlgorithm="SHA256"
            )

    def kept(self) -> list[Head]:
        """All that were kept, also behind delete markers; raises what `keep` raises."""
        with aws.one_error(self.place):
            return [self._head(key) for key in self._keys()]

    def _keys(self) -> Iterator[str]:
        pages = self._client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix):
            for found in page.get("Versions", ()):
                yield found["Key"].removeprefix(self._prefix)

    def _head(self, key: str) -> Head:
        place, _, head = key.partition("-")
        if not place.isdecimal():
            raise HindcastError(f"{self.place}/{key}: it is no head; see who wrote it")
        return Head(int(place), head)

    @property
    def _client(self) -> Any:
        return aws.client("s3")


def open_heads(place: str) -> Heads:
    """The heads in a folder or below an s3:// URI."""
    return BucketHeads(place) if place.startswith("s3://") else FolderHeads(Path(place))
