"""What is collected: files and streams of lines, in gzip or not, documents run together or not."""

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, cast

from hindcast.errors import InputError

BLOCK_BYTES = 16 * 1024 * 1024
MAX_LINE_BYTES = 256 * 1024 * 1024
# What reading torn gzip raises.
TORN = (EOFError, zlib.error, gzip.BadGzipFile)
_GZIP = b"\x1f\x8b"
# Where one JSON object ends and the next begins. Within valid JSON, these bytes never meet: the
# quote would end a text, and no word follows one.
_SEAM = re.compile(rb'(?<=\})(?=\{"\w)')


@dataclass(frozen=True)
class Stream:
    """Log text by a name: standard input, or what a Lambda was given."""

    name: str
    content: IO[bytes]


def check(path: Path) -> None:
    """Raise InputError where there is no file to read."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; name a log file, or - for standard input")


@contextmanager
def opened(source: Path | Stream) -> Iterator[Stream]:
    """A file or stream as plain text; raises InputError when it cannot be read."""
    if isinstance(source, Stream):
        yield Stream(source.name, _unpacked(source.content))
        return
    try:
        with source.open("rb") as content:
            yield Stream(source.name, _unpacked(content))
    except PermissionError as error:
        raise InputError(f"{source}: cannot be read; give yourself the right to") from error


def _unpacked(content: IO[bytes]) -> BufferedReader:
    """The text inside gzip, by its first bytes: what Firehose delivers has no ending in its name.

    Firehose's own compression comes on top of CloudWatch's.
    """
    reader = (
        content if isinstance(content, BufferedReader) else BufferedReader(cast("Any", content))
    )
    while reader.peek(2).startswith(_GZIP):
        reader = cast("BufferedReader", gzip.GzipFile(fileobj=reader, mode="rb"))
    return reader


def lines(stream: Stream) -> Iterator[tuple[int, bytes]]:
    """Every line with its number from 1; objects that share a line come one by one.

    Raises one of TORN after the last whole line of a file that was cut off.
    """
    number, rest = 1, b""
    while piece := stream.content.readline(BLOCK_BYTES):
        rest += piece
        documents = _SEAM.split(rest) if b'}{"' in rest else [rest]
        is_whole = piece.endswith(b"\n")
        rest = b"" if is_whole else documents.pop()
        if len(rest) > MAX_LINE_BYTES:
            raise InputError(f"{stream.name} line {number}: over {MAX_LINE_BYTES} bytes; not a log")
        for document in documents:
            yield number, document
        number += is_whole
    if rest:
        yield number, rest
