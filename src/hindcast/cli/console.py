"""What people see: progress on stderr, tables on stdout, or one JSON document."""

import dataclasses
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hindcast import settings

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 120
# What fits a terminal and a chat window.
LINE_WIDTH = 100
# Of an array, on its line.
SHOWN_NUMBERS = 3


class ConsoleProgress:
    """Shows the current step with a spinner, the rows done and the time, where a person watches.

    In the process of a job each step is a line, and another each second that it moves on.
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TextColumn("{task.fields[amount]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task: Any = None
        self._done = 0
        self._lines = JobProgress() if settings.load().run_id else None

    def start(self, step: str, total: int | None = None) -> None:
        """A step begins."""
        self._done = 0
        if self._lines:
            self._lines.start(step, total)
        self._bars.start()
        self._task = self._bars.add_task(step, total=total, amount="")

    def advance(self, amount: int) -> None:
        """The current step moved on."""
        self._done += amount
        if self._lines:
            self._lines.told(self._done)
        self._bars.update(self._task, advance=amount, amount=f"{self._done:,} rows")

    def finish(self) -> None:
        """The current step ended."""
        if self._task is not None:
            self._bars.update(self._task, total=1, completed=1)
            self._bars.stop_task(self._task)
        self._bars.stop()


class JobProgress:
    """Writes the current step to stderr, where the log of a job has it for who asks."""

    def __init__(self) -> None:
        self._step, self._total, self._next = "", "", 0.0

    def start(self, step: str, total: int | None) -> None:
        """A step begins."""
        self._step, self._total = step, f" of {total:,}" if total else ""
        self._write(step)

    def told(self, done: int) -> None:
        """The step is that far, in rows or bytes."""
        if time.monotonic() >= self._next:
            self._write(f"{self._step}: {done:,}{self._total}")

    def _write(self, line: str) -> None:
        print(f"progress: {line}", file=sys.stderr, flush=True)
        self._next = time.monotonic() + 1


def show(report: Any, as_json: bool, title: str = "") -> None:
    """Print a report (dataclass or mapping) as names beside values, or as JSON.

    A value is whole on its line, however long. Records in the report follow as a table.
    """
    fields = fields_of(report)
    if as_json:
        print(json.dumps(fields, default=json_value, allow_nan=False))
        return
    records = {name: value for name, value in fields.items() if _are_records(value)}
    said = {
        name.replace("_", " "): _text(value)
        for name, value in fields.items()
        if name not in records
    }
    if title:
        print(title)
    width = max(map(len, said), default=0)
    for name, text in said.items():
        first, *others = text.splitlines() or [""]
        print(f" {name:{width}}  {first}".rstrip())
        for line in others:
            print(f" {'':{width}}  {line}")
    for name, value in records.items():
        rows(_flat(value), name.replace("_", " "))


def _are_records(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], Mapping)


def _flat(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Records without what is empty in all of them, with how many where a value is several."""
    told = [name for name in records[0] if any(each[name] not in ({}, [], ()) for each in records)]
    return [{name.replace("_", " "): _count(each[name]) for name in told} for each in records]


def _count(value: Any) -> Any:
    return len(value) if isinstance(value, Mapping | list | tuple) else value


def warn(line: str) -> None:
    """Say on stderr what went right but not as somebody may think."""
    print(f"hindcast: warning: {line}", file=sys.stderr)


def rows(records: Sequence[Mapping[str, Any]], title: str = "") -> None:
    """Print records of the same columns as a table."""
    if not records:
        return
    from rich.table import Column, Table

    columns = [Column(name, overflow="fold") for name in records[0]]
    table = Table(*columns, title=title or None, title_justify="left", box=None)
    for record in records:
        table.add_row(*(_text(value) for value in record.values()))
    _console().print(table, markup=False)


def lines(records: Sequence[Mapping[str, Any]]) -> None:
    """Print records of the same columns, one line each; only the last column is ever cut."""
    if not records:
        return
    written = [list(records[0]), *([_line(v) for v in each.values()] for each in records)]
    widths = [max(map(len, column)) for column in zip(*written, strict=True)]
    for row in written:
        padded = [value.ljust(width) for value, width in zip(row, widths, strict=True)]
        print(_cut("  ".join(padded).rstrip()))


def tables(groups: Sequence[Sequence[Mapping[str, Any]]]) -> None:
    """Print groups of records as lines, an empty one between two; groups of none are left out."""
    for number, records in enumerate(group for group in groups if group):
        if number:
            print()
        lines(records)


def _line(value: Any) -> str:
    """A value on one line; nothing where there is none."""
    return "" if value is None else " ".join(str(value).split())


def _cut(line: str) -> str:
    return line if len(line) <= LINE_WIDTH else f"{line[: LINE_WIDTH - 3]}..."


def _console() -> "Console":
    """Stdout; wide enough for digests and names where it is a file or a pipe."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)


def fields_of(report: Any) -> dict[str, Any]:
    """A report's fields, by name."""
    if dataclasses.is_dataclass(report) and not isinstance(report, type):
        return dataclasses.asdict(report)
    return dict(report)


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {_text(item)}" for name, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        if len(value) > SHOWN_NUMBERS and all(isinstance(item, float) for item in value):
            shown = ", ".join(_text(item) for item in value[:SHOWN_NUMBERS])
            return f"{shown}, ... ({len(value)} numbers)"
        return "\n".join(_text(item) for item in value) or "none"
    return str(value)


def json_value(value: Any) -> Any:
    """The JSON form of dates, instants, decimals and paths; TypeError for anything else."""
    if isinstance(value, date):  # Instants are dates, too.
        return value.isoformat()
    if isinstance(value, Path | Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def printable(row: dict[str, Any]) -> dict[str, Any]:
    """Values as answers have them: dates as text, null for what is no finite number."""
    return {name: _printable_value(value) for name, value in row.items()}


def _printable_value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value
