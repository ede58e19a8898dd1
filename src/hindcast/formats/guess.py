"""How a file seems to be written, from its first values; for proposals and messages only."""

import codecs
import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from hindcast.definitions import Csv
from hindcast.definitions.formats import Epoch, Values

# The share of values that may be unlike the others: rows that ingest will refuse.
STRAY = 0.01
_HEAD = 1 << 18
_LINES = 200
_DELIMITERS = ",;\t|"
_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NULLS = ("NA", "N/A", "n/a", "NULL", "null", "None", "NaN", "nan", "-", "?", "\\N", "#N/A")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA_NUMBER = re.compile(r"[+-]?\d*,?\d+([eE][+-]?\d+)?")
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")
# The commoner of two that fit is first.
_DATES = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%d %b %Y", "%Y%m%d")
_TIMES = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%H:%M:%S %z", "%I:%M %p", "%I:%M:%S %p")
_TIMESTAMPS = tuple(f"{day} {time}" for day in _DATES for time in _TIMES)
# Instants of our time, in seconds since 1970: the years 2000 to 2099.
_FIRST_SECOND, _LAST_SECOND = 946_684_800, 4_102_444_800
_EPOCHS: dict[Epoch, int] = {"s": 1, "ms": 10**3, "us": 10**6}

Some = TypeVar("Some", bound=Values)
Columns = Mapping[str, Sequence[str]]


def layout(path: Path) -> Csv:
    """The delimiter, quote and encoding of a plain CSV file."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    encoding = _encoding(path, head)
    text = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    lines = text.splitlines(keepends=True)[:_LINES]
    quote = "'" if '"' not in text and re.search(rf"(?m)(^|[{_DELIMITERS}])'", text) else '"'
    return Csv(delimiter=_delimiter(lines, quote), quote=quote, encoding=encoding)


def values(form: Some, columns: Columns) -> Some:
    """A format with what the first values of columns, none of them null, say of values."""
    seen = {word for found in columns.values() for word in found}
    without = {
        name: kept
        for name, found in columns.items()
        if (kept := [value for value in found if value not in _NULLS])
    }
    form = replace(
        form,
        decimal="," if any(_is_comma_number(found) for found in without.values()) else ".",
        dates=_instants(without, _DATES),
        timestamps=_instants(without, _TIMESTAMPS),
    )
    if not any(_nearly_all(_is_instant(form), found) for found in without.values()):
        form = replace(form, epoch=_epoch(without))
    typed = [name for name, found in without.items() if _nearly_all(_is_typed(form), found)]
    nulls = [word for word in _NULLS if word in seen and any(word in columns[n] for n in typed)]
    return replace(form, nulls=nulls or ())


def declaration(form: Values) -> str:
    """A format as definitions declare it, without what is usual."""
    given = (f"{name}={value!r}" for name, value in _unusual(form).items())
    return f"{type(form).__name__}({', '.join(given)})"


def differences(found: Values, declared: Values) -> str:
    """In words, how a file is written otherwise than declared; empty where it is not."""
    usual = {field.name: getattr(declared, field.name) for field in fields(declared)}
    others = {name: value for name, value in _unusual(found).items() if value != usual.get(name)}
    if set(found.nulls) <= set(declared.nulls):
        others.pop("nulls", None)
    return ", ".join(_WORDS[name].format(value) for name, value in others.items())


_WORDS = {
    "delimiter": "{!r}-separated",
    "quote": "quoted by {}",
    "encoding": "encoded in {}",
    "decimal": "written with decimal commas",
    "dates": "dated as {}",
    "timestamps": "timed as {}",
    "epoch": "timed in {} since 1970",
    "nulls": "written with {} for null",
    "paths": "nested",
}


def _unusual(form: Values) -> dict[str, object]:
    usual = type(form)()
    names = sorted((field.name for field in fields(form)), key=[*_WORDS].index)
    return {name: value for name in names if (value := getattr(form, name)) != getattr(usual, name)}


def _encoding(path: Path, head: bytes) -> str:
    if head.startswith(_BOMS):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as stream:
        while block := stream.read(_HEAD):
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                return "cp1252" if re.search(rb"[\x80-\x9f]", block) else "latin-1"
    return "utf-8"


def _delimiter(lines: Sequence[str], quote: str) -> str:
    """The one that gives the most records as many columns as the first, and the most columns."""

    def fit(delimiter: str) -> tuple[int, int]:
        rows = csv.reader(lines, delimiter=delimiter, quotechar=quote)
        widths = [len(row) for row in rows if row]
        width = widths[0] if widths else 0
        return (widths.count(width) if width > 1 else 0, width)

    return max(_DELIMITERS, key=fit)


def _instants(columns: Columns, forms: Sequence[str]) -> str | None:
    """The format that all values of the most columns have; None where none has one."""

    def fit(form: str) -> int:
        fitting = (_nearly_all(lambda text: _reads(text, form), own) for own in columns.values())
        return sum(fitting)

    best = max(forms, key=fit)
    return best if fit(best) else None


def _reads(text: str, form: str) -> bool:
    try:
        instant = datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return False
    # Numbers of eight digits are dates where those are of our time.
    return form != "%Y%m%d" or (len(text) == 8 and 1900 < instant.year < 2100)


def _epoch(columns: Columns) -> Epoch | None:
    """The unit in which all values of some column are instants of our time."""

    def holds(text: str, ticks: int) -> bool:
        return text.isdecimal() and _FIRST_SECOND <= int(text) / ticks < _LAST_SECOND

    for unit, ticks in _EPOCHS.items():
        if any(all(holds(text, ticks) for text in found) for found in columns.values()):
            return unit
    return None


def _is_comma_number(found: Sequence[str]) -> bool:
    return _nearly_all(_COMMA_NUMBER.fullmatch, found) and any("," in value for value in found)


def _is_instant(form: Values) -> Callable[[str], object]:
    """Whether a text is a date or a timestamp in a format."""
    forms = [own for own in (form.dates, form.timestamps) if own]
    return lambda text: _ISO.fullmatch(text) or any(_reads(text, own) for own in forms)


def _is_typed(form: Values) -> Callable[[str], object]:
    """Whether a text is a number, a date or a timestamp in a format."""
    number = _COMMA_NUMBER if form.decimal == "," else _NUMBER
    is_instant = _is_instant(form)
    return lambda text: number.fullmatch(text) or is_instant(text)


def _nearly_all(holds: Callable[[str], object], found: Sequence[str]) -> bool:
    """Whether a condition holds for all values but strays; it stops where these are too many."""
    strays = 0
    for value in found:
        strays += not holds(value)
        if strays > len(found) * STRAY:
            return False
    return True
