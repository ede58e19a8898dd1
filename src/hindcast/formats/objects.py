"""Files by name: on this machine, or objects on S3 that are copied here."""

import glob
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hindcast.definitions import Csv, JsonLines, Parquet, Source
from hindcast.definitions.formats import Format
from hindcast.errors import InputError
from hindcast.formats.packed import PACKED
from hindcast.stores import aws

_FORMATS: dict[str, type[Format]] = {
    ".csv": Csv,
    ".jsonl": JsonLines,
    ".ndjson": JsonLines,
    ".parquet": Parquet,
}


def name_of(file: str | Path) -> str:
    """What messages and tables call a file: its name without its folder; an object its address."""
    return str(file) if _is_object(file) else Path(file).name


@contextmanager
def local(file: str | Path, version: str | None = None) -> Iterator[Path]:
    """A file on this machine; an object, s3://bucket/key, is copied for as long as it is open.

    Raises InputError for what is not there, and what aws.download raises.
    """
    if not _is_object(file):
        if not Path(file).is_file():
            raise InputError(f"{file}: no such file; name one of CSV, JSON lines or Parquet")
        yield Path(file)
        return
    uri = str(file)
    with tempfile.TemporaryDirectory(prefix="hindcast-object-") as folder:
        path = Path(folder) / "copy"
        aws.download(uri, path, version)
        yield path


def format_of(name: str, source: Source | None = None, unknown: Format | None = None) -> Format:
    """How a file is written: as its source declares it, else as its ending says, the usual way.

    unknown: where neither says it; without it InputError is raised, as where they differ.
    """
    declared = source.format if source else None
    kind = _FORMATS.get(_unpacked(ending(name)))
    if declared and source:
        if kind not in (None, type(declared)):
            raise InputError(
                f"{name}: source '{source.name}' has files of format {type(declared).__name__}; "
                "convert it"
            )
        return declared
    if kind is None and unknown:
        return unknown
    if kind is None:
        raise InputError(
            f"{name}: not .csv, .jsonl or .parquet (.gz or .zst after it where packed); rename or "
            "convert it, or declare the source's format"
        )
    return kind()


def ending(name: str) -> str:
    """What a name says of its format and packing, such as .csv.gz; empty where it says neither."""
    plain = _unpacked(name)
    found = next((kind for kind in _FORMATS if plain.endswith(kind)), "")
    return found and name[len(plain) - len(found) :]


def _unpacked(name: str) -> str:
    """A name without the ending of a packing."""
    return next((name.removesuffix(end) for end in PACKED if name.endswith(end)), name)


def listed(given: str) -> list[str]:
    """The files that a name means: itself, or in order those of a folder or a pattern.

    A folder's are those below it whose name begins with neither . nor _; on S3 a name with an end
    of / is a folder, one with * a pattern. Raises InputError where there are none.
    """
    if _is_object(given):
        found = _objects(given) if given.endswith("/") or "*" in given else [given]
    elif Path(given).is_dir():
        found = [str(path) for path in sorted(Path(given).rglob("*")) if path.is_file()]
    elif Path(given).exists() or not glob.has_magic(given):
        return [given]
    else:
        matches = sorted(glob.glob(given, recursive=True))  # noqa: PTH207 (as the shell writes it)
        found = [path for path in matches if Path(path).is_file()]
    files = [file for file in found if not Path(file).name.startswith((".", "_"))]
    if not files:
        raise InputError(f"{given}: there are no files; name another folder or pattern")
    return files


def _objects(given: str) -> list[str]:
    """The objects of a folder or pattern; * is any text without /, ** any."""
    fixed = given.split("*")[0]
    any_key = re.escape(given).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    pattern = re.compile(any_key + (".*" if given.endswith("/") else ""))
    return [uri for uri in aws.listed(fixed) if pattern.fullmatch(uri) and not uri.endswith("/")]


def _is_object(file: str | Path) -> bool:
    return str(file).startswith("s3://")
