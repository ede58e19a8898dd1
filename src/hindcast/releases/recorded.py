"""A release folder against the ledger's record of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hindcast.errors import ReleaseError
from hindcast.serving import release as releases


def require(folder: Path, recorded: Mapping[str, Any]) -> Path:
    """The folder, if its manifest is the one that was recorded, digests of all files in it.

    A folder that is not there is left to whoever reads it. Raises ReleaseError.
    """
    if folder.is_dir() and releases.read_manifest(folder) != recorded:
        raise ReleaseError(
            f"release {folder.name}: {releases.MANIFEST} is not the one that the ledger has of it; "
            "restore the folder, or train another"
        )
    return folder
