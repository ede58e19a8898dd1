"""Write a release: an immutable folder named by the digest of its manifest."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hindcast.errors import InputError
from hindcast.serving.release import MANIFEST, release_id


def write(root: str, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Path:
    """Write the folder whole or not at all, and return it; the same content is the same folder.

    manifest: everything but the files' digests, which are added here.
    """
    folder = _local(root)
    complete = {**manifest, "files": {name: _digest(files[name]) for name in sorted(files)}}
    target = folder / release_id(complete)
    if target.is_dir():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    # A name that no release has, on the same disk, so that the rename is atomic.
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder))
    try:
        for name, content in {**files, MANIFEST: json_bytes(complete)}.items():
            _write(partial / name, content)
        partial.chmod(0o755)
        _rename(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


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


def _local(root: str) -> Path:
    if "://" in root:
        raise InputError(f"HINDCAST_RELEASES={root}: releases are written to a folder; name one")
    return Path(root)
