"""Parquet files that someone else wrote -> the content of a Delta table, in one commit."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import pyarrow.fs as fs
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction, create_table_with_add_actions

from hindcast.errors import HindcastError


def filesystem(uri: str) -> fs.FileSystem:
    """The files below a table's URI, by paths relative to it; a folder or s3:// alike."""
    return fs.PyFileSystem(DeltaStorageHandler(uri))


def list_parquet(files: fs.FileSystem, folder: str) -> list[fs.FileInfo]:
    """The Parquet files in a folder, by path; none when the folder does not exist."""
    selector = fs.FileSelector(folder, allow_not_found=True)
    found = [info for info in files.get_file_info(selector) if info.path.endswith(".parquet")]
    return sorted(found, key=lambda info: str(info.path))


def remove(files: fs.FileSystem, folder: str) -> None:
    """Delete the Parquet files in a folder."""
    for info in list_parquet(files, folder):
        files.delete_file(info.path)


def replace_content(
    uri: str,
    files: fs.FileSystem,
    parts: Iterable[fs.FileInfo],
    schema: Schema,
    metadata: Mapping[str, str],
) -> int:
    """Make these files the table's whole content, its schema too; returns their rows.

    The files replaced stay for readers of earlier versions. Raises HindcastError when the
    commit fails.
    """
    adds = [_add(files, part, schema) for part in parts]
    commit = CommitProperties(custom_metadata=dict(metadata))
    try:
        table = _find(uri)
        if table is None:
            create_table_with_add_actions(uri, schema, adds, commit_properties=commit)
        else:
            table.create_write_transaction([*adds], "overwrite", schema, commit_properties=commit)
    except DeltaError as error:
        raise HindcastError(f"{uri}: writing failed: {error}") from error
    return sum(json.loads(add.stats)["numRecords"] for add in adds)


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
    nulls: dict[str, int] = {}
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    for index, name in enumerate(footer.schema.names):
        groups = [footer.row_group(g).column(index) for g in range(footer.num_row_groups)]
        known = [group.statistics for group in groups if group.is_stats_set]
        if name not in columns or len(known) < len(groups):
            continue
        if all(statistics.has_null_count for statistics in known):
            nulls[name] = sum(statistics.null_count for statistics in known)
        valued = [s for g, s in zip(groups, known, strict=True) if s.null_count != g.num_values]
        if valued and all(s.has_min_max and _is_comparable(s.min) for s in valued):
            low[name] = _plain(min(s.min for s in valued))
            high[name] = _plain(max(s.max for s in valued))
    return {
        "numRecords": footer.num_rows,
        "minValues": low,
        "maxValues": high,
        "nullCount": nulls,
    }


def _is_comparable(value: Any) -> bool:
    # No booleans: the log has no bounds of them. No decimals: its numbers could round one.
    return isinstance(value, int | float | str | date) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else value
