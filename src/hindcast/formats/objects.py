"""Files by name: on this machine, or objects on S3 that are copied here."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hindcast.errors import InputError
from hindcast.stores import aws

CSV_ENDINGS = (".csv", ".csv.gz")
IN_ENDINGS = (*CSV_ENDINGS, ".parquet")


def name_of(file: str | Path) -> str:
    """What messages and tables call a file: its name without its folder; an object its address."""
    return str(file) if _is_object(file) else Path(file).name


@contextmanager
def local(file: str | Path, version: str | None = None) -> Iterator[Path]:
    """A file on this machine; an object, s3://bucket/key, is copied for as long as it is open.

    Raises InputError for what is not there or no kind of file that is read, and what
    aws.download raises.
    """
    if not _is_object(file):
        if not Path(file).is_file():
            raise InputError(f"{file}: no such file; name a CSV or Parquet file")
        yield Path(file)
        return
    uri = str(file)
    with tempfile.TemporaryDirectory(prefix="hindcast-object-") as folder:
        path = Path(folder) / f"copy{ending(uri)}"
        aws.download(uri, path, version)
        yield path


def ending(name: str) -> str:
    """The kind of file a name says; raises InputError for none that is read."""
    for ending in IN_ENDINGS:
        if name.endswith(ending):
            return ending
    raise InputError(f"{name}: not .csv, .csv.gz or .parquet; rename or convert it")


def _is_object(file: str | Path) -> bool:
    return str(file).startswith("s3://")
