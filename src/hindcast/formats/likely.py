"""A file as it seems to be written, and in words where that is not as its source declares."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from hindcast.compiler.dialects import DUCKDB
from hindcast.definitions import Csv, Source
from hindcast.definitions.formats import Format
from hindcast.engines.duckdb import session
from hindcast.errors import HindcastError, InputError, UnlikeSourceError
from hindcast.formats import guess, objects
from hindcast.formats.packed import unpacked
from hindcast.formats.parquet import is_nested
from hindcast.formats.source_file import SourceFile, read

_SAMPLE_ROWS = 1000


@contextmanager
def opened(
    path: Path, name: str, connection: duckdb.DuckDBPyConnection, source: Source | None = None
) -> Iterator[tuple[SourceFile, Format]]:
    """A file with the format that its first values say; those of the source's columns, if any.

    Raises InputError for what cannot be read to its end.
    """
    with tempfile.TemporaryDirectory(prefix="hindcast-likely-") as temporary:
        folder = Path(temporary)
        plain = unpacked(path, name, folder)
        form = objects.format_of(name, source, unknown=Csv())
        if isinstance(form, Csv):
            form = guess.layout(plain)
        file = read(plain, name, form, folder, connection, source)
        wanted = [*(source.types if source else file.types)]
        yield file, guess.values(form, _first_values(file, wanted, connection))


@contextmanager
def advised(path: Path, name: str, source: Source) -> Iterator[None]:
    """Where a file is refused as unlike its source, say in the InputError how it looks."""
    try:
        yield
    except UnlikeSourceError as error:
        raise InputError(f"{error}{_advice(path, name, source)}") from error


def _advice(path: Path, name: str, source: Source) -> str:
    """How a file seems to be written, with the declaration; empty where it is as declared."""
    with suppress(HindcastError), session() as own, opened(path, name, own, source) as (_, found):
        declared = objects.format_of(name, source)
        if words := guess.differences(found, declared):
            return f"; the file looks {words}: declare format={guess.declaration(found)}"
    return ""


def _first_values(
    file: SourceFile, wanted: list[str], connection: duckdb.DuckDBPyConnection
) -> dict[str, list[str]]:
    """The first values of columns, as text; those that the file has, without nulls."""
    plain = [name for name in wanted if name in file.types and not is_nested(file.types[name])]
    if not plain:
        return {}
    texts = ", ".join(f"CAST({DUCKDB.quote(name)} AS VARCHAR)" for name in plain)
    rows = connection.execute(
        f"SELECT {texts} FROM {file.relation(connection)} LIMIT {_SAMPLE_ROWS}"
    ).fetchall()
    columns = zip(plain, zip(*rows, strict=True), strict=True) if rows else ()
    return {name: [text for text in found if text is not None] for name, found in columns}
