"""CSV files of any records, by Python's csv module: line breaks in quotes, any line ends."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from hindcast.definitions import Csv
from hindcast.errors import InputError
from hindcast.formats.staged import Row
from hindcast.formats.torn import Torn, columns_reason, shown

# A longer value is one whose quote was not closed where it should have been.
_LONGEST = 1 << 26
# The csv module's words for a text that ends within quotes.
_NO_END = "unexpected end of data"


@dataclass(frozen=True)
class Record:
    """A record: the line it starts in, its whole text, its cells (none in a blank line).

    fault: what is wrong with its quotes.
    """

    line: int
    text: str
    cells: list[str]
    fault: str | None


def text(path: Path) -> IO[str]:
    """A plain file's text with its line ends; a byte that is not UTF-8 is a lone surrogate."""
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def reader(lines: Iterable[str], form: Csv, strict: bool = False) -> Any:
    """The csv module's reader of a format."""
    if form.quote is None:
        return csv.reader(lines, delimiter=form.delimiter, quoting=csv.QUOTE_NONE, strict=strict)
    return csv.reader(lines, delimiter=form.delimiter, quotechar=form.quote, strict=strict)


def records(stream: Iterable[str], name: str, form: Csv) -> Iterator[Record]:
    """Every record of a CSV text, whole; raises InputError for one that does not end."""
    csv.field_size_limit(_LONGEST)
    lines: list[str] = []
    start = 1
    try:
        for cells in reader(_kept(stream, lines), form):
            fault = _fault(lines, form)
            if fault == _NO_END:
                raise _not_closed(name, start)
            yield Record(start, "".join(lines), cells, fault)
            start += len(lines)
            lines.clear()
    except csv.Error as error:
        raise _not_closed(name, start) from error


def _kept(stream: Iterable[str], lines: list[str]) -> Iterator[str]:
    """The lines of a stream, each also added to the list."""
    for line in stream:
        lines.append(line)
        yield line


def _fault(lines: Sequence[str], form: Csv) -> str | None:
    """What a strict reader says of one record's lines; the other one takes what it can."""
    if form.quote and any(form.quote in line for line in lines):
        try:
            next(reader(lines, form, strict=True))
        except csv.Error as error:
            return str(error)
    return None


def _not_closed(name: str, line: int) -> InputError:
    return InputError(
        f"{name} line {line}: a quote is opened in this record and never closed; close it, or "
        "copy the file again if its end is missing"
    )


def rows(path: Path, name: str, width: int, form: Csv) -> Iterator[Row | Torn]:
    """Every record after the header, an empty value as null, or as torn; a blank line is none.

    Raises InputError where a quote is never closed.
    """
    with text(path) as stream:
        for record in islice(records(stream, name, form), 1, None):
            # In a file of one column a blank line is a row.
            if not record.cells and width > 1:
                continue
            reason = _reason(record, width, form)
            if reason:
                yield Torn(record.line, reason, shown(record.text))
            else:
                yield record.line, [cell or None for cell in record.cells] or [None]


def _reason(record: Record, width: int, form: Csv) -> str | None:
    """Why a record is no row."""
    cells = record.cells or [""]
    if record.fault:
        return "text stands beside a quoted value; double the quotes that are part of it"
    if len(cells) != width:
        return columns_reason(len(cells), width)
    is_text = shown(record.text) == record.text.rstrip("\r\n")
    return None if is_text else f"it is not {form.encoding.upper()} text"
