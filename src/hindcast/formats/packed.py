"""Compressed files: unpacked and verified to their end before anything of them is read."""

import gzip
import shutil
import zlib
from pathlib import Path

from hindcast.errors import InputError


def unpacked(path: Path, name: str, folder: Path) -> Path:
    """The file itself, or a plain copy of one called .gz in the folder.

    Raises InputError where its checksum, its length or its end is wrong.
    """
    if not name.endswith(".gz"):
        return path
    plain = folder / "unpacked"
    try:
        with gzip.open(path) as packed, plain.open("wb") as copy:
            shutil.copyfileobj(packed, copy, 1 << 20)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: cannot be unpacked: {error}; copy it again") from error
    return plain
