"""Small files by name below an address, a folder or s3://; each appears when it is whole."""

import mimetypes
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hindcast.errors import HindcastError, first_line
from hindcast.stores import aws

ASIDE = ".lost"


class Folder(Protocol):
    """Raises HindcastError where a file cannot be read or written."""

    def names(self) -> list[str]:
        """The files that there are, in order."""
        ...

    def read(self, name: str) -> bytes:
        """A file's content."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Put a file in place of the one that has its name."""
        ...

    def set_aside(self, name: str) -> None:
        """Rename a file, so that nobody takes it for what it is, and a person can look at it."""
        ...

    def drop(self) -> None:
        """Delete every file."""
        ...


def opened(uri: str) -> Folder:
    """The folder at an address; it need not be there yet."""
    if uri.startswith("s3://"):
        bucket, _, key = uri.removeprefix("s3://").rstrip("/").partition("/")
        return S3Folder(bucket, key)
    return LocalFolder(Path(uri))


@dataclass(frozen=True)
class LocalFolder:
    """A folder of this machine."""

    path: Path

    def names(self) -> list[str]:
        """The files that there are, in order."""
        found = self.path.iterdir() if self.path.is_dir() else ()
        return sorted(each.name for each in found if not each.name.startswith("."))

    def read(self, name: str) -> bytes:
        """A file's content."""
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise HindcastError(
                f"{self.path / name}: cannot be read: {first_line(error)}"
            ) from error

    def write(self, name: str, content: bytes) -> None:
        """Put a file in place of the one that has its name."""
        part = self.path / f".{name}.part"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(self.path / name)
        except OSError as error:
            raise HindcastError(
                f"{self.path / name}: cannot be written: {first_line(error)}"
            ) from error

    def set_aside(self, name: str) -> None:
        """Rename a file."""
        try:
            (self.path / name).rename(self.path / f"{name}{ASIDE}")
        except OSError as error:
            raise HindcastError(
                f"{self.path / name}: cannot be renamed: {first_line(error)}"
            ) from error

    def drop(self) -> None:
        """Delete every file."""
        shutil.rmtree(self.path, ignore_errors=True)


@dataclass(frozen=True)
class S3Folder:
    """The objects whose keys begin alike."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """Its address."""
        return f"s3://{self.bucket}/{self.key}/"

    def names(self) -> list[str]:
        """The objects that there are, in order."""
        return [found.removeprefix(self.uri) for found in aws.listed(self.uri)]

    def read(self, name: str) -> bytes:
        """An object's content."""
        with aws.one_error(self.uri + name):
            found = aws.client("s3").get_object(Bucket=self.bucket, Key=f"{self.key}/{name}")
            content: bytes = found["Body"].read()
        return content

    def write(self, name: str, content: bytes) -> None:
        """Put an object in place of the one that has its name."""
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        with aws.one_error(self.uri + name):
            aws.client("s3").put_object(
                Bucket=self.bucket, Key=f"{self.key}/{name}", Body=content, ContentType=kind
            )

    def set_aside(self, name: str) -> None:
        """Copy an object to another name, and delete it."""
        client, key = aws.client("s3"), f"{self.key}/{name}"
        with aws.one_error(self.uri + name):
            source = {"Bucket": self.bucket, "Key": key}
            client.copy_object(Bucket=self.bucket, Key=f"{key}{ASIDE}", CopySource=source)
            client.delete_object(Bucket=self.bucket, Key=key)

    def drop(self) -> None:
        """Delete every object."""
        with aws.one_error(self.uri):
            for name in self.names():
                aws.client("s3").delete_object(Bucket=self.bucket, Key=f"{self.key}/{name}")
