"""From text to rows: lines of the service, bare or inside CloudWatch's subscription records."""

import base64
import binascii
import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from hindcast import names
from hindcast.audit.prediction_log.inputs import TORN
from hindcast.audit.prediction_log.rows import (
    INSTANT,
    SCHEMA,
    MalformedError,
    Row,
    require_own,
    row,
)
from hindcast.serving.line_tags import TAG, LineKeys

QUARANTINE_SCHEMA = pa.schema(
    [
        ("digest", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("reason", pa.string()),
        ("record", pa.string()),
        ("collected_at", INSTANT),
    ]
)
MAX_RECORD = 10_000
_TAG = SCHEMA.get_field_index(TAG)

_ANOTHER = "another line of this prediction_id was collected before"

# A line without any of these is not ours, and not even looked at as JSON: whole or torn, ours has
# a key that begins so. Records come bare, inside a Lambda's event, or as base64 of gzip.
_RECORD = ('"logEvents"', '"awslogs"')
_MARKS = (f'"{names.PREDICTION_MESSAGE}', '"outcome', *_RECORD)
_BASE64_GZIP = "H4sI"


@dataclass(frozen=True)
class Bad:
    """A line that goes to quarantine."""

    file: str
    line: int
    reason: str
    record: str

    @property
    def digest(self) -> str:
        """The same for the same line of the same file."""
        return hashlib.sha256(f"{self.file}\0{self.line}\0{self.record}".encode()).hexdigest()


@dataclass(frozen=True)
class Line:
    """A prediction's row, and the line that it is of."""

    row: Row
    file: str
    line: int
    record: str

    @property
    def tag(self) -> str | None:
        """What the same line has alone."""
        tag: str | None = self.row[_TAG]
        return tag


class Batch:
    """Parsed lines: the first of each prediction id, bad lines, and counts.

    keys: lines that these tell to be forged are bad; without them, what is no line alone.
    """

    def __init__(self, keys: LineKeys | None = None) -> None:
        self.keys = keys
        self.found: dict[str, Line] = {}
        self.bad: list[Bad] = []
        self.lines = 0
        self.predictions = 0
        self.other = 0
        self.size = 0

    def add(self, file: str, line: int, text: bytes) -> None:
        """Take one line; a record brings those of its log events."""
        self.size += len(text)
        try:
            self._add(file, line, text.decode())
        except UnicodeDecodeError:
            self._broken(file, line, text.decode(errors="replace").strip(), "is not UTF-8")

    def reject(self, file: str, line: int, reason: str, record: str) -> None:
        """Send a line to quarantine."""
        self.lines += 1
        self._quarantine(file, line, reason, record)

    def compare(self, held: Mapping[str, str | None]) -> None:
        """Send lines to quarantine that the table has another of; held: its tags by id."""
        for name, tag in held.items():
            if (found := self.found[name]).tag != tag:
                self._dispute(found)

    def table(self, now: datetime) -> pa.Table:
        """The predictions, collected now."""
        return _table(SCHEMA, (line.row for line in self.found.values()), now)

    def quarantine(self, now: datetime) -> pa.Table:
        """The bad lines, collected now; each once."""
        unique = {bad.digest: bad for bad in self.bad}
        rows = ((key, bad.file, bad.line, bad.reason, bad.record) for key, bad in unique.items())
        return _table(QUARANTINE_SCHEMA, rows, now)

    def _add(self, file: str, line: int, text: str, origin: str = "") -> None:
        """One line of a file or, where origin is given, of a log event."""
        text = text.strip()
        if not text:
            return
        is_base64 = not origin and text.startswith(_BASE64_GZIP)
        if not is_base64 and not any(mark in text for mark in _MARKS):
            self._skip()
            return
        try:
            document = _record(text) if is_base64 else json.loads(text)
            if not origin and isinstance(document, dict) and "awslogs" in document:
                document = _record(document["awslogs"]["data"])
            self._take(file, line, text, document, origin)
        except (ValueError, LookupError, TypeError, RecursionError, *TORN) as error:
            self._broken(file, line, text, origin + _reason(error))

    def _take(self, file: str, line: int, text: str, document: Any, origin: str) -> None:
        if not isinstance(document, dict):
            self._skip()
        elif document.get("message") == names.PREDICTION_MESSAGE:
            found = row(document)
            require_own(found, self.keys)
            self._keep(Line(found, file, line, text))
        elif not origin and "logEvents" in document:
            self._take_record(file, line, document)
        else:
            self._skip()

    def _keep(self, found: Line) -> None:
        self.lines += 1
        self.predictions += 1
        if self.found.setdefault(found.row[0], found).tag != found.tag:
            self._dispute(found)

    def _dispute(self, found: Line) -> None:
        self.predictions -= 1
        self._quarantine(found.file, found.line, _ANOTHER, found.record)

    def _quarantine(self, file: str, line: int, reason: str, record: str) -> None:
        kept = record[:MAX_RECORD].encode(errors="backslashreplace").decode()
        self.bad.append(Bad(file, line, reason, kept))

    def _take_record(self, file: str, line: int, record: Mapping[str, Any]) -> None:
        if record.get("messageType") != "DATA_MESSAGE":
            self._skip()
            return
        place = f"{record.get('logGroup')}/{record.get('logStream')}"
        # All are read before any is taken: what is no record goes to quarantine as a whole.
        events = [(event["id"], str(event["message"])) for event in record["logEvents"]]
        for identifier, message in events:
            self._add(file, line, message, f"event {identifier} of {place}: ")

    def _broken(self, file: str, line: int, text: str, reason: str) -> None:
        """Ours is an object, of which a torn line has one end at least; a sentence has none."""
        has_end = text.startswith(("{", _BASE64_GZIP)) or text.endswith("}")
        if has_end and (text.startswith(_BASE64_GZIP) or any(mark in text for mark in _MARKS)):
            self.reject(file, line, reason, text)
        else:
            self._skip()

    def _skip(self) -> None:
        self.lines += 1
        self.other += 1


def _record(data: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(data, validate=True)))


def _reason(error: Exception) -> str:
    """In words that quote nothing of the line."""
    if isinstance(error, MalformedError):
        return str(error)
    if isinstance(error, json.JSONDecodeError):
        return f"is torn or not JSON: {error.msg} at column {error.colno}"
    if isinstance(error, (binascii.Error, *TORN)):
        return "is torn or not base64 of gzip"
    return "is not a line or record that can be read"


def _table(schema: pa.Schema, rows: Iterable[Row], now: datetime) -> pa.Table:
    """Rows of every column but the last, which is `now`."""
    found = list(rows)
    columns = list(zip(*found, strict=True)) or [()] * (len(schema) - 1)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=False)]
    return pa.table([*arrays, pa.repeat(pa.scalar(now, INSTANT), len(found))], schema=schema)
