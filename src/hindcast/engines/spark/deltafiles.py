"""Parquet files that someone else wrote -> the content of a Delta table, in one commit."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.fs as fs
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import TableNotFoundError
from deltalake.transaction import AddAction, create_table_with_add_actions

from hindcast.errors import InputError
from hindcast.stores import writing
from hindcast.stores.lake import KEEP_LOG, Lake
from hindcast.stores.table_files import filesystem


def list_parquet(files: fs.FileSystem, folder: str) -> list[fs.FileInfo]:
    """The Parquet files in a folder, by path; none when the folder does not exist."""
    selector = fs.FileSelector(folder, allow_not_found=True)
    found = [info for info in files.get_file_info(selector) if info.path.endswith(".parquet")]
    return sorted(found, key=lambda info: str(info.path))


def remove(files: fs.FileSystem, folder: str) -> None:
    """Delete the Parquet files in a folder."""
    for info in list_parquet(files, folder):
        files.delete_file(info.path)


def columns(files: fs.FileSystem, parts: Iterable[fs.FileInfo], schema: pa.Schema) -> pa.Table:
    """These columns of Parquet files; empty ones of no file."""
    read = (_columns(files, part, schema.names) for part in parts)
    return pa.concat_tables([schema.empty_table(), *read])


def _columns(files: fs.FileSystem, part: fs.FileInfo, names: list[str]) -> pa.Table:
    with files.open_input_file(part.path) as stream:
        return pq.ParquetFile(stream).read(names)


def replace_content(
    uri: str,
    files: fs.FileSystem,
    parts: Iterable[fs.FileInfo],
    schema: Schema,
    metadata: Mapping[str, str],
) -> int:
    """Make these files the table's whole content, its schema too; returns their rows.

    The files replaced stay for readers of earlier versions. Raises ConflictError where another
    writer was first, HindcastError when the commit fails.
    """
    adds = [_add(files, part, schema) for part in parts]
    commit = CommitProperties(custom_metadata=dict(metadata))
    with writing.one_error(uri, "replaced the rows"):
        table = _find(uri)
        if table is None:
            create_table_with_add_actions(uri, schema, adds, commit_properties=commit)
        else:
            table.create_write_transaction(
                [*adds],
                "overwrite",
                schema,
                commit_properties=commit,
                post_commithook_properties=KEEP_LOG,
            )
    return sum(json.loads(add.stats)["numRecords"] for add in adds)


def append_once(
    lake: Lake, name: Sequence[str], paths: Iterable[str], schema: pa.Schema, transaction: str
) -> None:
    """Add Parquet files, which lie below the table, in one commit that the table takes once.

    name: the table's folders in the lake. Raises InputError where the table has other columns,
    ConflictError as replace_content does.
    """
    uri, wanted = lake.uri(*name), Schema.from_arrow(schema)
    files = filesystem(uri)
    adds = [_add(files, part, wanted) for part in files.get_file_info([*paths])]
    with writing.one_error(uri, "made or changed the table"):
        lake.create(schema, *name)
        table = DeltaTable(uri)
        if table.transaction_version(transaction) is not None:
            return
        if table.schema() != wanted:
            raise InputError(f"{uri}: the table has other columns, or of other types")
        with lake.committing(*name) as metadata:
            table.create_write_transaction(
                [*adds],
                "append",
                wanted,
                commit_properties=CommitProperties(
                    custom_metadata=dict(metadata), app_transactions=[Transaction(transaction, 0)]
                ),
                post_commithook_properties=KEEP_LOG,
            )


def _find(uri: str) -> DeltaTable | None:
    try:
        return DeltaTable(uri)
    except TableNotFoundError:
        return None


def _add(files: fs.FileSystem, part: fs.FileInfo, schema: Schema) -> AddAction:
    with files.open_input_file(part.path) as stream:
        statistics = _statistics(pq.read_metadata(stream), {field.name for field in schema.fields})
    return AddAction(
        path=part.path,
        size=part.size,
        partition_values={},
        modification_time=int(part.mtime.timestamp() * 1000),
        data_change=True,
        stats=json.dumps(statistics),
    )


def _statistics(footer: pq.FileMetaData, columns: set[str]) -> dict[str, Any]:
    """Row count, and per column the nulls, least and greatest value, as the Delta log has them."""
    facts: dict[str, Any] = {"numRecords": footer.num_rows}
    groups = [footer.row_group(index) for index in range(footer.num_row_groups)]
    chunks = {
        name: [group.column(index) for group in groups]
        for index, name in enumerate(footer.schema.names)
        # The numbers of an array have bounds too, under a longer path, which the log keeps none of.
        if name in columns and footer.schema.column(index).path == name
    }
    if any(not s.is_stats_set or not s.statistics.has_null_count for s in _all(chunks)):
        return facts
    nulls = {name: sum(c.statistics.null_count for c in own) for name, own in chunks.items()}
    facts["nullCount"] = nulls
    valued = {name: own for name, own in chunks.items() if nulls[name] < footer.num_rows}
    try:
        facts["minValues"] = {
            name: _bound(min(_bounds(own, "min"))) for name, own in valued.items()
        }
        facts["maxValues"] = {
            name: _bound(max(_bounds(own, "max"))) for name, own in valued.items()
        }
    except _NoBoundError:
        # delta-rs takes a bound that is missing among others for null, and would hide rows.
        facts.pop("minValues", None)
    return facts


class _NoBoundError(Exception):
    """Raised when a column's values have no bound, or none that the log's JSON can hold."""


def _all(chunks: Mapping[str, list[pq.ColumnChunkMetaData]]) -> Iterator[pq.ColumnChunkMetaData]:
    return chain.from_iterable(chunks.values())


def _bounds(chunks: list[pq.ColumnChunkMetaData], end: str) -> Iterator[Any]:
    """One end of the values of each chunk that has any."""
    for chunk in chunks:
        if chunk.statistics.null_count == chunk.num_values:
            continue
        if not chunk.statistics.has_min_max:
            raise _NoBoundError
        yield getattr(chunk.statistics, end)


def _bound(value: Any) -> Any:
    """A bound in JSON's types; raises _NoBoundError rather than round it."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise _NoBoundError
    if isinstance(value, Decimal):
        text = repr(float(value))
        # delta-rs reads no exponent into a decimal.
        if "e" in text or Decimal(text) != value:
            raise _NoBoundError
        return float(value)
    return value
