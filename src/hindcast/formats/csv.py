"""CSV: the header, the relation that reads a file as text, and the line of each record."""

import csv
import gzip
import re
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from hindcast.errors import InputError
from hindcast.formats.literals import literal, pattern

_BLANK = ("\n", "\r\n", "\r")
# A quoted field, doubled quotes inside; without its last quote it goes on in the next line.
_QUOTED = re.compile(r'(?:^|(?<=,))"(?:[^"]|"")*("?)')


def relation(path: Path, columns: Iterable[str]) -> str:
    """The SQL relation of a CSV file's rows as text; torn lines go to DuckDB's reject tables."""
    types = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
    return (
        f"read_csv({pattern(path)}, columns={{{types}}}, header=true, auto_detect=false, "
        "delim=',', quote='\"', escape='\"', store_rejects=true, rejects_limit=0)"
    )


def header(path: Path, name: str) -> list[str]:
    """The columns that the first record names; raises InputError for none, or for two alike."""
    try:
        with text(path) as stream:
            columns = next(csv.reader(stream), [])
    except (OSError, csv.Error) as error:
        raise InputError(f"{name}: the header cannot be read: {error}") from error
    if not columns:
        raise InputError(f"{name}: the file is empty; its first line must name the columns")
    if "" in columns:
        raise InputError(
            f"{name}: column {columns.index('') + 1} of the header has no name; name it, or "
            "remove the comma too many"
        )
    plain = [column.lower() for column in columns]
    twice = [one for one, lower in zip(columns, plain, strict=True) if plain.count(lower) > 1]
    if twice:
        raise InputError(f"{name}: column '{twice[-1]}' is in the header twice; rename one")
    return columns


def records(stream: IO[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Of each record of a CSV file: the line it starts in, and whether it is a blank line."""
    starts: list[int] = []
    is_blank: list[bool] = []
    inside = False
    for number, line in enumerate(stream, 1):
        if not inside:
            starts.append(number)
            is_blank.append(line in _BLANK)
        if inside or '"' in line:
            quoted = '"' + line if inside else line
            inside = any(not match[1] for match in _QUOTED.finditer(quoted))
    return np.array(starts, np.int64), np.array(is_blank, np.bool_)


def text(path: Path) -> IO[str]:
    """The text of a CSV file, unpacked, with its line ends."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")
