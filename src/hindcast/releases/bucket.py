"""Releases on S3: what has a manifest is a release, and the manifest is written last."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from hindcast.errors import NotFoundError, ReleaseError
from hindcast.releases import folder
from hindcast.serving import release as releases
from hindcast.serving.release import MANIFEST
from hindcast.stores import aws


class BucketStore:
    """Releases below an s3:// URI; `folder` holds copies that were verified when they came.

    Nothing is ever deleted, and no object is asked for that the bucket did not list, so that a
    role needs s3:ListBucket, s3:GetObject and s3:PutObject. Every method but `location` raises
    InputError where AWS refuses, and StoreUnavailableError where it does not answer.
    """

    def __init__(self, uri: str, copies: Path) -> None:
        self.folder = copies
        self.uri = uri.rstrip("/")
        self._bucket, _, path = self.uri.removeprefix("s3://").partition("/")
        self._prefix = f"{path}/" if path else ""

    def location(self, release: str) -> str:
        """The URI of a release."""
        return f"{self.uri}/{release}"

    def names(self) -> list[str]:
        """The ids of the releases that have a manifest."""
        parts = (key.split("/") for key in self._keys(""))
        return [path[0] for path in parts if path[1:] == [MANIFEST]]

    def add(self, release: str) -> None:
        """Upload a release, its manifest last; whoever uploads it too writes the same bytes."""
        path = self.folder / release
        _, files = releases.read(path)
        for name, content in files.items():
            self._put(f"{release}/{name}", content, "application/octet-stream")
        self._put(f"{release}/{MANIFEST}", (path / MANIFEST).read_bytes(), "application/json")

    def fetch(self, release: str) -> Path:
        """The verified copy of a release; downloads it where there is none yet.

        Raises NotFoundError for no such release, ReleaseError naming the object that is missing,
        changed or not part of it.
        """
        releases.model_of(release)
        target = self.folder / release
        if not target.is_dir():
            with folder.appearing(target) as fresh:
                self._download(release, fresh)
        return target

    def card(self, release: str) -> str | None:
        """The model card of a release; None before it was written."""
        releases.model_of(release)
        name = f"{release}.html"
        return self._get(name).decode() if name in self._keys(name) else None

    def write_card(self, release: str, page: str) -> None:
        """Write the model card, or write it anew."""
        self._put(f"{release}.html", page.encode(), "text/html; charset=utf-8")

    def _download(self, release: str, fresh: Path) -> None:
        found = [key.partition("/")[2] for key in self._keys(f"{release}/")]
        if MANIFEST not in found:
            raise NotFoundError(f"release {release}: there is none in {self.uri}")
        try:
            for name in found:
                if Path(name).name != name:
                    raise ReleaseError(f"release {release}: {name} is not part of the release")
                (fresh / name).write_bytes(self._get(f"{release}/{name}"))
            releases.read(fresh)
        except ReleaseError as error:
            raise ReleaseError(f"{error}, in {self.uri}") from error

    @cached_property
    def _client(self) -> Any:
        return aws.client("s3")

    def _keys(self, start: str) -> Iterator[str]:
        """The names of objects below the URI that start so."""
        with aws.one_error(self.uri):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + start):
                for found in page.get("Contents", ()):
                    yield found["Key"].removeprefix(self._prefix)

    def _get(self, name: str) -> bytes:
        with aws.one_error(f"{self.uri}/{name}"):
            found = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            content: bytes = found["Body"].read()
            return content

    def _put(self, name: str, content: bytes, kind: str) -> None:
        with aws.one_error(f"{self.uri}/{name}"):
            self._client.put_object(
                Bucket=self._bucket, Key=self._prefix + name, Body=content, ContentType=kind
            )
