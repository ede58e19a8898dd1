"""Where releases are kept: a folder, or a bucket and a folder of copies."""

from pathlib import Path
from typing import Protocol

from hindcast import names
from hindcast.errors import InputError
from hindcast.releases import folder
from hindcast.serving.release import model_of


class ReleaseStore(Protocol):
    """Keeps releases by their ids, and a model card beside each.

    `folder` is where folder.write writes a release first, and where `fetch` finds it.
    """

    @property
    def folder(self) -> Path:
        """A folder on this machine."""
        ...

    def location(self, release: str) -> str:
        """Where a release of this id is kept, for people and for the ledger."""
        ...

    def names(self) -> list[str]:
        """The ids of the releases that are kept whole."""
        ...

    def add(self, release: str) -> None:
        """Keep a release that lies in `folder`, whole or not at all; again changes nothing."""
        ...

    def fetch(self, release: str) -> Path:
        """The release's folder on this machine, to be verified by whoever reads it."""
        ...

    def card(self, release: str) -> str | None:
        """The model card of a release; None before it was written."""
        ...

    def write_card(self, release: str, page: str) -> None:
        """Write the model card, or write it anew."""
        ...


class FolderStore:
    """A folder of releases."""

    def __init__(self, path: Path) -> None:
        self.folder = path

    def location(self, release: str) -> str:
        """The release's own folder."""
        return str(self.folder.resolve() / _named(release))

    def names(self) -> list[str]:
        """The ids of the releases that are kept whole."""
        return [path.name for path in folder.stored(self.folder)]

    def add(self, release: str) -> None:
        """Nothing: where it was written is where it is kept."""

    def fetch(self, release: str) -> Path:
        """The release's own folder, which may not be there."""
        return self.folder / _named(release)

    def card(self, release: str) -> str | None:
        """The model card of a release; None before it was written."""
        path = folder.card(self.folder / _named(release))
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def write_card(self, release: str, page: str) -> None:
        """Write the model card, or write it anew."""
        folder.write_card(self.folder / _named(release), page)


def _named(release: str) -> str:
    """An id, which leads to no other folder; raises InputError for anything else."""
    model_of(release)
    return release


def open_store(place: str, copies: Path) -> ReleaseStore:
    """The releases of a folder or of an s3:// URI, whose copies lie in a folder of their own.

    Raises InputError for any other place.
    """
    if "://" not in place:
        return FolderStore(Path(place))
    if not place.startswith("s3://"):
        raise InputError(f"{names.ENV_RELEASES}={place}: use a folder or s3://BUCKET/PATH")
    # Loads boto3.
    from hindcast.releases.bucket import BucketStore

    return BucketStore(place, copies)
