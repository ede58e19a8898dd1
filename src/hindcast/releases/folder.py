"""Write a release: an immutable folder named by the digest of its manifest."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hindcast.serving.release import MANIFEST, release_id


def write(root: str | Path, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Path:
    """Write the folder whole or not at all, and return it; the same content is the same folder.

    manifest: everything but the files' digests, which are added here.
    """
    complete = {**manifest, "files": {name: _digest(files[name]) for name in sorted(files)}}
    target = Path(root) / release_id(complete)
    if not target.is_dir():
        with appearing(target) as fresh:
            for name, content in {**files, MANIFEST: json_bytes(complete)}.items():
                _write(fresh / name, content)
    return target


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A folder of the target's name to fill, which becomes the target once it is filled."""
    target.parent.mkdir(parents=True, exist_ok=True)
    # In one that has no release's name, on the same disk, so that the rename is atomic.
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=target.parent) as partial:
        fresh = Path(partial) / target.name
        fresh.mkdir()
        yield fresh
        _rename(fresh, target)


def stored(root: Path) -> list[Path]:
    """The release folders below the root, by name."""
    found = (path.parent for path in root.glob(f"*/{MANIFEST}"))
    return sorted(folder for folder in found if not folder.name.startswith("."))


def card(release: Path) -> Path:
    """Where a release's model card lies: beside its folder, for its verdict comes after it."""
    return release.with_name(f"{release.name}.html")


def write_card(release: Path, page: str) -> Path:
    """Write a release's model card."""
    target = card(release)
    partial = target.with_suffix(f".{os.getpid()}")
    _write(partial, page.encode())
    return partial.replace(target)


def json_bytes(document: Any) -> bytes:
    """Readable JSON whose bytes depend on the content alone."""
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False).encode()


def _rename(partial: Path, target: Path) -> None:
    try:
        partial.rename(target)
    except OSError:
        if not target.is_dir():  # Another process may have written the same release first.
            raise


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
