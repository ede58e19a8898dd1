"""Files by name: on this machine, or objects on S3 that are copied here."""

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
    plain = name.removesuffix(PACKED[0]).removesuffix(PACKED[1])
    kind = next((_FORMATS[ending] for ending in _FORMATS if plain.endswith(ending)), None)
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


def _is_object(file: str | Path) -> bool:
    return str(file).startswith("s3://")
