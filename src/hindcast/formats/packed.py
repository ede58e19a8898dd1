"""Files as they are read: unpacked and verified to their end, and text in UTF-8."""

import codecs
import gzip
import shutil
import zlib
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from hindcast.errors import InputError

PACKED = (".gz", ".zst")
_CHUNK = 1 << 20


def unpacked(path: Path, name: str, folder: Path) -> Path:
    """The file itself, or a plain copy of one called .gz or .zst in the folder.

    Raises InputError where its checksum, its length or its end is wrong. A writer of .zst may
    leave its checksum out; then damage is found only where it breaks the packing.
    """
    if not name.endswith(PACKED):
        return path
    plain = folder / "unpacked"
    try:
        with path.open("rb") as file, _unpacker(file, name) as packed, plain.open("wb") as copy:
            shutil.copyfileobj(packed, copy, _CHUNK)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: cannot be unpacked: {error}; copy it again") from error
    return plain


def _unpacker(file: IO[bytes], name: str) -> Any:
    if name.endswith(".gz"):
        return gzip.GzipFile(fileobj=file)
    return pa.CompressedInputStream(file, "zstd")


def as_utf8(path: Path, name: str, encoding: str, folder: Path) -> Path:
    """The file itself, or a copy of its text in UTF-8 in the folder.

    A byte that is no text stays, so that its record alone is refused; where it leaves nothing
    readable, as in UTF-16, InputError is raised.
    """
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
        return path
    plain = folder / "text"
    try:
        with (
            path.open(encoding=encoding, errors="surrogateescape", newline="") as text,
            plain.open("w", encoding="utf-8", errors="surrogateescape", newline="") as copy,
        ):
            shutil.copyfileobj(text, copy, _CHUNK)
    except UnicodeError as error:
        raise InputError(f"{name}: not {encoding} text: {error}; declare its encoding") from error
    return plain
