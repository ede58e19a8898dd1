"""CSV files made to mislead a reader, and what Python's csv module says is in them."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

HEADER = ["one", "two", "three"]
ENDS = ("\n", "\r\n", "\r")
# What looks like rows, quotes or line ends where none should be; and longer than a reader's buffer.
CELLS = st.one_of(
    st.text('ab ,"\n\ré\0;#', max_size=8),
    st.sampled_from(["", '"', '""', '5" pipe', "7,8,9\n7,8,9", "\r", "\ufeff", "x" * 70_000]),
)
# Records that no csv writer writes.
BROKEN = st.sampled_from(
    [b"torn", b"1,2,3,4", b'"a"b,2,3', b'1,2,3"', b'1,"2"x",3', b"1,\xff\xfe,3", b"", b'"', b'1,"2']
)


@dataclass(frozen=True)
class Found:
    """What a file holds: rows as (line, cells), other records as (line, text).

    open_line: where a record starts that never ends.
    """

    rows: list[tuple[int, list[str | None]]]
    torn: list[tuple[int, str]]
    open_line: int | None


@st.composite
def files(draw: st.DrawFn, more: Mapping[str, str] | None = None) -> bytes:
    """A CSV file: well written or not, of one line end or several, whole or cut.

    more: columns after those of HEADER, and what well written records have there.
    """
    more = more or {}
    end = draw(st.sampled_from(ENDS))
    is_mixed, quoting = draw(st.booleans()), draw(st.sampled_from([0, 1]))
    header, content = _written([*HEADER, *more], end, csv.QUOTE_MINIMAL), b""
    records = st.lists(CELLS, min_size=3, max_size=3)
    for record in draw(st.lists(records | BROKEN if draw(st.booleans()) else records, max_size=8)):
        end = draw(st.sampled_from(ENDS)) if is_mixed else end
        if isinstance(record, bytes):
            content += record + end.encode()
        else:
            content += _written([*record, *more.values()], end, quoting)
    if draw(st.booleans()):
        content = content[: max(0, len(content) - draw(st.integers(0, 12)))]
    return b"\xef\xbb\xbf" * draw(st.booleans()) + header + content


def _written(cells: list[str], end: str, quoting: int) -> bytes:
    stream = io.StringIO()
    csv.writer(stream, lineterminator=end, quoting=quoting).writerow(cells)  # type: ignore[arg-type]
    return stream.getvalue().encode()


def found(content: bytes) -> Found:
    """What the csv module reads; a record is torn where its strict reader, too, finds a fault."""
    text = content.decode("utf-8-sig", errors="surrogateescape")
    lines = list(io.StringIO(text, newline=""))
    result = Found([], [], None)
    reader, start, width = csv.reader(lines), 0, 0
    for cells in reader:
        own, line = lines[start : reader.line_num], start + 1
        start = reader.line_num
        fault = _fault(own)
        if fault == "unexpected end of data":
            return Found(result.rows, result.torn, line)
        width = width or len(cells)
        if line == 1 or not cells:
            continue
        shown = "".join(own).encode(errors="surrogateescape").decode(errors="replace")
        if fault or len(cells) != width or shown != "".join(own):
            result.torn.append((line, shown.rstrip("\r\n")))
        else:
            result.rows.append((line, [cell or None for cell in cells]))
    return result


def _fault(lines: list[str]) -> str:
    try:
        next(csv.reader(lines, strict=True))
    except csv.Error as error:
        return str(error)
    return ""
