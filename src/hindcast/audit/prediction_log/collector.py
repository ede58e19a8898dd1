"""Collect: every logged prediction goes into the table once, however often it is handed over."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from hindcast import names
from hindcast.audit.prediction_log import inputs
from hindcast.audit.prediction_log.inputs import Stream
from hindcast.audit.prediction_log.parser import Batch
from hindcast.serving.line_tags import TAG, LineKeys
from hindcast.stores.lake import Lake
from hindcast.telemetry import Progress, Silent, step

BATCH_LINES = 50_000
BATCH_BYTES = 64 * 1024 * 1024
SHOWN_REASONS = 10

# Rows that the table has: the tag of each by its first column.
Held = dict[str, str | None]


@dataclass(frozen=True)
class CollectReport:
    """What was in the log: lines = predictions + other + quarantined, predictions = new + already.

    A bad line counts as quarantined each time it is met, and is in quarantine once.
    """

    lines: int
    predictions: int
    new: int
    already: int
    other: int
    quarantined: int
    reasons: tuple[str, ...] = ()


def collect(
    sources: Iterable[Path | Stream],
    lake: Lake,
    now: datetime,
    progress: Progress | None = None,
    keys: LineKeys | None = None,
) -> CollectReport:
    """Add the predictions that the table lacks; raises InputError for a file that is not there.

    A batch of lines is a commit. A collect that was killed is completed by running it again.
    keys: of a log that others may write to; what they tell to be forged goes to quarantine, and so
    does, with keys or without, a second line of a prediction that is not as the first.
    """
    found, watcher = list(sources), progress or Silent()
    for source in found:
        if isinstance(source, Path):
            inputs.check(source)
    collection = _Collection(lake, now, watcher, keys)
    with step(watcher, f"collect {', '.join(source.name for source in found[:3])}"):
        for source in found:
            with inputs.opened(source) as stream:
                collection.read(stream)
        collection.commit()
    return collection.report()


def compact(lake: Lake) -> dict[str, int]:
    """Join the files of the collected commits, which each collect looks at; files by table."""
    tables = ((names.PREDICTIONS,), (names.QUARANTINE, names.PREDICTIONS))
    return {"/".join(parts): lake.compact(*parts) for parts in tables}


class _Collection:
    """Lines on their way into the lake, a batch at a time."""

    def __init__(
        self, lake: Lake, now: datetime, progress: Progress, keys: LineKeys | None
    ) -> None:
        self.lake, self.now, self.progress, self.keys = lake, now, progress, keys
        self.batch = Batch(keys)
        self.lines = self.predictions = self.new = self.other = self.quarantined = 0
        self.reasons: list[str] = []

    def read(self, stream: Stream) -> None:
        number = 0
        try:
            for number, text in inputs.lines(stream):
                self.batch.add(stream.name, number, text)
                if self.batch.lines >= BATCH_LINES or self.batch.size >= BATCH_BYTES:
                    self.commit()
        except inputs.TORN:
            self.batch.reject(stream.name, number + 1, "the gzip data end here", "")

    def commit(self) -> None:
        """Append what is new of the batch, and begin another."""
        batch, self.batch = self.batch, Batch(self.keys)
        new, held = _append_new(self.lake, batch.table(self.now), names.PREDICTIONS)
        self.new += new
        batch.compare(held)
        _append_new(self.lake, batch.quarantine(self.now), names.QUARANTINE, names.PREDICTIONS)
        self.lines += batch.lines
        self.predictions += batch.predictions
        self.other += batch.other
        self.quarantined += len(batch.bad)
        room = SHOWN_REASONS - len(self.reasons)
        self.reasons += [f"{bad.file} line {bad.line}: {bad.reason}" for bad in batch.bad[:room]]
        self.progress.advance(batch.lines)

    def report(self) -> CollectReport:
        return CollectReport(
            lines=self.lines,
            predictions=self.predictions,
            new=self.new,
            already=self.predictions - self.new,
            other=self.other,
            quarantined=self.quarantined,
            reasons=tuple(self.reasons),
        )


def _append_new(lake: Lake, rows: pa.Table, *parts: str) -> tuple[int, Held]:
    """Append the rows whose first column the table lacks; how many, and the tags of the others.

    The commit is named after the version that was looked at, and a name is committed once. So of
    two collectors that looked at the same version, one commits and the other looks again.
    """
    held: Held = {}
    while rows.num_rows:
        fresh, held, version = _missing(lake, rows, *parts)
        if not fresh.num_rows:
            break
        if lake.append_once(f"collected after version {version}", fresh.to_reader(), *parts):
            return int(fresh.num_rows), held
    return 0, held


def _missing(lake: Lake, rows: pa.Table, *parts: str) -> tuple[pa.Table, Held, int]:
    """The rows that are not in the table yet, those that are, and the version that says so."""
    table = lake.find(*parts)
    # Version 0 only creates the table, so without a table it is the same.
    if table is None or not table.version():
        return rows, {}, 0
    key = rows.schema.names[0]
    present = pc.field(key).isin(rows[key].combine_chunks())
    if "instant" in rows.schema.names:
        # The files' ranges of instants tell which of them need not be read.
        ends = pc.min_max(rows["instant"])
        present &= (pc.field("instant") >= ends["min"]) & (pc.field("instant") <= ends["max"])
    dataset = table.to_pyarrow_dataset()
    columns = [name for name in (key, TAG) if name in dataset.schema.names]
    found = dataset.to_table(columns=columns, filter=present)
    tags = found[TAG].to_pylist() if TAG in columns else repeat(None)
    held = dict(zip(found[key].to_pylist(), tags, strict=False))
    return rows.filter(pc.invert(pc.is_in(rows[key], value_set=found[key]))), held, table.version()
