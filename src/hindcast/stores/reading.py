"""Reads files below an address, a folder or s3://, by many threads; one that is gone is None."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from hindcast.errors import HindcastError, first_line
from hindcast.stores import aws

_CHUNK_BYTES = 8 * 2**20


class Reader(Protocol):
    """Raises HindcastError where a file cannot be read."""

    def chunks(self, path: str) -> Iterator[bytes] | None:
        """A file's content, in pieces."""
        ...

    def size(self, path: str) -> int | None:
        """A file's bytes."""
        ...


def reader(uri: str) -> Reader:
    """What reads below an address."""
    if uri.startswith("s3://"):
        bucket, _, key = uri.removeprefix("s3://").rstrip("/").partition("/")
        return S3Reader(bucket, key)
    return LocalReader(Path(uri))


@dataclass(frozen=True)
class LocalReader:
    """A folder's files."""

    folder: Path

    def chunks(self, path: str) -> Iterator[bytes] | None:
        """A file's content, in pieces."""
        try:
            stream = (self.folder / path).open("rb")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(error) from error
        return self._read(stream)

    def size(self, path: str) -> int | None:
        """A file's bytes."""
        try:
            return (self.folder / path).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(error) from error

    def _read(self, stream: Any) -> Iterator[bytes]:
        with stream:
            try:
                while chunk := stream.read(_CHUNK_BYTES):
                    yield chunk
            except OSError as error:
                raise _unreadable(error) from error


@dataclass(frozen=True)
class S3Reader:
    """The objects whose keys begin alike."""

    bucket: str
    key: str

    @cached_property
    def client(self) -> Any:
        """One client, which threads may share."""
        return aws.client("s3")

    def chunks(self, path: str) -> Iterator[bytes] | None:
        """An object's content, in pieces."""
        found = self._asked("get_object", path)
        return None if found is None else found["Body"].iter_chunks(_CHUNK_BYTES)

    def size(self, path: str) -> int | None:
        """An object's bytes."""
        found = self._asked("head_object", path)
        return None if found is None else int(found["ContentLength"])

    def _asked(self, action: str, path: str) -> Any | None:
        key = f"{self.key}/{path}" if self.key else path
        return aws.found(getattr(self.client, action), self.bucket, key)


def _unreadable(error: OSError) -> HindcastError:
    return HindcastError(f"{error.filename}: unreadable: {first_line(error)}")
