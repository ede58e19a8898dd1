"""JSON lines: an object a line, its values found by paths; numbers stay as they are written."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hindcast.formats.csv_records import text
from hindcast.formats.staged import Row, StagedFile
from hindcast.formats.torn import Torn, check_distinct, shown


def opened(
    path: Path,
    name: str,
    folder: Path,
    paths: Mapping[str, Sequence[str]] | None = None,
    arrays: Collection[str] = (),
) -> StagedFile:
    """A plain file's values, by column -> the keys that lead there; without them, all values.

    arrays: the columns whose values are lists, which become text.

    A column that is in no record is none of the file's. Raises InputError for two columns of one
    name.
    """
    wanted = paths or {".".join(keys): keys for keys in _paths(path)}
    check_distinct([*wanted], name, "the file")
    records = _Records(wanted, arrays)
    file = StagedFile(name, [*wanted], records.rows(path), folder)
    if records.seen:
        file.types = {column: kind for column, kind in file.types.items() if column in records.seen}
    return file


class _Records:
    """The records of a file; seen: the columns that were in one of them."""

    def __init__(self, paths: Mapping[str, Sequence[str]], arrays: Collection[str]) -> None:
        self._paths, self._arrays = paths, arrays
        self.seen: set[str] = set()

    def rows(self, path: Path) -> Iterator[Row | Torn]:
        """Every line that is not blank, as the values of its columns or as torn."""
        with text(path) as stream:
            for number, line in enumerate(stream, 1):
                if line.isspace():
                    continue
                try:
                    values = self._values(_parse(line))
                    _check_text(line, values)
                    yield number, values
                except (ValueError, RecursionError) as error:
                    yield Torn(number, _reason(error), shown(line))

    def _values(self, record: dict[str, Any]) -> list[str | None]:
        """The values as text; raises ValueError for one that has none."""
        return [self._value(record, *path) for path in self._paths.items()]

    def _value(self, record: Any, column: str, keys: Sequence[str]) -> str | None:
        value = record
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                return None
            value = value[key]
        self.seen.add(column)
        if isinstance(value, list) and column in self._arrays:
            return json.dumps(value)
        if isinstance(value, dict | list):
            kind = "an object" if isinstance(value, dict) else "a list"
            raise ValueError(f"{column} is {kind}; declare the path of a plain value")
        return str(value).lower() if isinstance(value, bool) else value


def _parse(line: str) -> dict[str, Any]:
    """A line's object, its numbers as text; raises ValueError where it is none."""
    line.encode()
    record = json.loads(
        line, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_object
    )
    if not isinstance(record, dict):
        raise ValueError("it is not a JSON object; write one object a line")
    return record


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("it has a key twice")
    return found


def _check_text(line: str, values: list[str | None]) -> None:
    """Raise UnicodeError for a value with half a character, which an escape can write."""
    if "\\u" in line:
        for value in values:
            (value or "").encode()


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON: {error.msg} at character {error.pos + 1}"
    if isinstance(error, UnicodeError):
        return "it is not UTF-8 text"
    return "its objects are nested too deep" if isinstance(error, RecursionError) else str(error)


def _paths(path: Path) -> dict[tuple[str, ...], None]:
    """The keys that lead to each value, in the order they are first seen."""
    found: dict[tuple[str, ...], None] = {}
    with text(path) as stream:
        for line in stream:
            try:
                found.update(dict.fromkeys(_leaves(_parse(line))))
            except (ValueError, RecursionError):
                continue  # It is torn, and counted when its values are read.
    return found


def _leaves(record: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The keys that lead to each plain value."""
    for key, value in record.items():
        if isinstance(value, dict):
            yield from ((key, *rest) for rest in _leaves(value))
        elif value is not None and not isinstance(value, list):
            yield (key,)
