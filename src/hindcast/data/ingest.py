"""Ingest: a file's rows go to the raw table, or to quarantine with the reason; each file once."""

import hashlib
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hindcast import names
from hindcast.compiler import checks
from hindcast.data import refused
from hindcast.definitions import Source
from hindcast.engines import raw
from hindcast.engines.duckdb import BATCH_ROWS, session
from hindcast.errors import (
    ConflictError,
    HindcastError,
    InputError,
    UnlikeSourceError,
    first_line,
)
from hindcast.formats.likely import advised
from hindcast.formats.objects import format_of, local, name_of
from hindcast.formats.source_file import SourceFile, check_columns, completed, opened
from hindcast.stores.lake import Lake
from hindcast.stores.ledger import Ledger
from hindcast.telemetry import Progress, Silent, step

SHOWN_REASONS = 10
ATTEMPTS = 3


@dataclass(frozen=True)
class IngestReport:
    """What became of one file. `nulled` and `warned` count rows by check."""

    file: str
    digest: str
    rows: int
    accepted: int
    quarantined: int
    already_ingested: bool = False
    nulled: dict[str, int] = field(default_factory=dict)
    warned: dict[str, int] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


def ingest(
    file: str | Path,
    source: Source,
    lake: Lake,
    ledger: Ledger,
    now: datetime,
    progress: Progress | None = None,
    version: str | None = None,
    force: bool = False,
) -> IngestReport:
    """Add one file as a run in the ledger; raises what `add_file` raises."""
    name = name_of(file)
    with ledger.run("ingest", {"source": source.name, "file": name}) as run:
        report = add_file(file, source, lake, now, progress, version, force)
        run.inputs["file"] = {"name": name, "digest": report.digest}
        run.outputs.update(asdict(report))
        run.outputs.pop("reasons")  # They quote values of rows; quarantine keeps them.
    return report


def add_file(
    file: str | Path,
    source: Source,
    lake: Lake,
    now: datetime,
    progress: Progress | None = None,
    version: str | None = None,
    force: bool = False,
) -> IngestReport:
    """Add one file; raises InputError when it cannot be one of the source's.

    That is so where more rows are bad than good, too: nothing is added then, unless by force.

    An object on S3 is named by its address, s3://bucket/key, and by a version of it where that
    is not the newest. StoreUnavailableError says that S3 does not answer.
    A file is known by the digest of its bytes; one already ingested adds nothing. Both tables
    commit under that digest, so a killed ingest is completed by running it again.
    """
    watcher, name = progress or Silent(), name_of(file)
    format_of(name, source)  # Refuses what no format reads before it is copied here.
    with (
        local(file, version) as path,
        step(watcher, f"ingest {name}"),
        advised(path, name, source),
    ):
        for _ in range(ATTEMPTS - 1):
            # Two first files may create the table at the same moment.
            with suppress(ConflictError):
                return _ingest(path, name, source, lake, now, watcher, force)
        return _ingest(path, name, source, lake, now, watcher, force)


def _ingest(
    path: Path,
    name: str,
    source: Source,
    lake: Lake,
    now: datetime,
    progress: Progress,
    force: bool,
) -> IngestReport:
    with ThreadPoolExecutor(1) as beside, session() as connection:
        # Hashing the bytes takes one core, looking at them another.
        hashing = beside.submit(_digest, path)
        with opened(path, name, connection, source) as file:
            digest = hashing.result()
            tables = ((kind, source.name) for kind in (names.RAW, names.QUARANTINE))
            if all(lake.has(digest, *table) for table in tables):
                return IngestReport(name, digest, 0, 0, 0, already_ingested=True)
            check_columns(file, source)
            raw.check_declared([source], lake)
            return _Intake(source, file, digest, now, progress, force).run(connection, lake)


class _Intake:
    """One file's way into the lake: splits the engine's batches, counts what it saw."""

    def __init__(
        self,
        source: Source,
        file: SourceFile,
        digest: str,
        now: datetime,
        progress: Progress,
        force: bool,
    ) -> None:
        self.source, self.file, self.digest, self.now = source, file, digest, now
        self.progress, self.force = progress, force
        self.rows = 0
        self.accepted = 0
        self.bad: list[pa.RecordBatch] = []
        self.quarantine = refused.QUARANTINE_SCHEMA.empty_table()
        self.failure: duckdb.Error | InputError | None = None
        compiled = checks.compile_checks(source)
        self.counts = {c.fails: 0 for c in compiled if c.check.on_fail != "reject"}
        self.compiled = compiled

    def run(self, connection: duckdb.DuckDBPyConnection, lake: Lake) -> IngestReport:
        """Commit the accepted rows, then the others; neither before every record was read."""
        metadata = {"file": self.file.name}
        accepted = self._accept(connection)
        good = pa.RecordBatchReader.from_batches(self._raw_schema(), accepted)
        identity = raw.identity(self.source)
        try:
            if not lake.append_once(
                self.digest, good, names.RAW, self.source.name, metadata=metadata, identity=identity
            ):
                # A run that was killed has committed them: find the others again.
                deque(accepted, maxlen=0)
        except (duckdb.Error, HindcastError) as error:
            if self.failure is None:
                raise
            if isinstance(self.failure, InputError):
                raise self.failure from error
            raise InputError(
                f"{self.file.name}: cannot be read: {first_line(self.failure)}; "
                "write the file again without that value"
            ) from error
        bad = self.quarantine.to_reader()
        lake.append_once(self.digest, bad, names.QUARANTINE, self.source.name, metadata=metadata)
        return self._report()

    def _accept(self, connection: duckdb.DuckDBPyConnection) -> Iterator[pa.RecordBatch]:
        """What _split gives; delta-rs, which reads it, keeps no more than the text of an error."""
        try:
            yield from self._split(connection)
        except (duckdb.Error, InputError) as error:
            self.failure = error
            raise

    def _split(self, connection: duckdb.DuckDBPyConnection) -> Iterator[pa.RecordBatch]:
        """Accepted rows in the raw schema; it ends with the others in quarantine, all counted."""
        types, relation = completed(self.file, self.source, connection)
        query = checks.ingest_query(self.source, types, relation)
        for batch in connection.sql(query).to_arrow_reader(BATCH_ROWS):
            rows = pa.array(np.arange(self.rows, self.rows + batch.num_rows, dtype=np.int64))
            batch = batch.append_column(names.ROW, rows)
            self.rows += batch.num_rows
            self.progress.advance(batch.num_rows)
            good = pc.is_null(batch[checks.REASON])
            if pc.any(pc.invert(good)).as_py():
                self.bad.append(batch.filter(pc.invert(good)))
                batch = batch.filter(good)
            for name in self.counts:
                self.counts[name] += pc.sum(batch[name]).as_py() or 0
            self.accepted += batch.num_rows
            yield self._stamped(batch)
        self.quarantine = refused.table(
            self.file, self.digest, self.now, self.file.torn(connection, self.rows), self.bad
        )
        if self.quarantine.num_rows > self.accepted and not self.force:
            raise self._mostly_refused()

    def _mostly_refused(self) -> UnlikeSourceError:
        """Its text has no value of a row, as the ledger keeps it."""
        bad = self.quarantine.num_rows
        kinds = Counter(refused.kind_of(reason) for reason in self.quarantine["reason"].to_pylist())
        [(kind, times)] = kinds.most_common(1)
        return UnlikeSourceError(
            f"{self.file.name}: nothing was added, as {bad:,} of {self.accepted + bad:,} rows are "
            f"bad, the first in {self.file.unit} {self.quarantine['line'][0]}, {times:,} because "
            f"{kind}; correct the file or the source, or add it by force"
        )

    def _raw_schema(self) -> pa.Schema:
        fields = [(name, kind.arrow()) for name, kind in self.source.types.items()]
        instant = pa.timestamp("us", tz="UTC")
        if names.RECORDED_AT not in self.source.types:
            fields.append((names.RECORDED_AT, instant))
        fields += [(names.INGESTED_AT, instant), (names.FILE, pa.string())]
        if not self.source.has_tiebreaker:
            fields.append((names.EVENT_DIGEST, pa.string()))
        return pa.schema([*fields, (names.ROW, pa.int64())])

    def _stamped(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        schema, count = self._raw_schema(), batch.num_rows
        now = pa.scalar(self.now, pa.timestamp("us", tz="UTC"))
        constants = {
            names.INGESTED_AT: pa.repeat(now, count),
            names.FILE: pa.repeat(self.file.name, count),
        }
        if self.source.recorded_at is None:
            constants[names.RECORDED_AT] = pa.repeat(now, count)
        columns = [
            constants[column.name] if column.name in constants
            else batch[column.name].cast(column.type)
            for column in schema
        ]  # fmt: skip
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def _report(self) -> IngestReport:
        by_kind = {"null": {}, "warn": {}}  # type: dict[str, dict[str, int]]
        for check in self.compiled:
            if check.check.on_fail != "reject":
                by_kind[check.check.on_fail][check.check.expression] = self.counts[check.fails]
        quarantine = self.quarantine
        shown = quarantine.slice(0, SHOWN_REASONS).select(["line", "reason"]).to_pylist()
        return IngestReport(
            file=self.file.name,
            digest=self.digest,
            rows=self.accepted + quarantine.num_rows,
            accepted=self.accepted,
            quarantined=quarantine.num_rows,
            nulled=by_kind["null"],
            warned=by_kind["warn"],
            reasons=tuple(
                f"{self.file.name} {self.file.unit} {row['line']}: {row['reason']}; row quarantined"
                for row in shown
            ),
        )


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
