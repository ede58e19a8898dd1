"""Files of the lake's tables that no version needs, and rows that are not kept."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pyarrow.fs as fs
from deltalake import CommitProperties

from hindcast.stores import table_files, writing
from hindcast.stores.lake import KEEP_LOG, ROW_GROUPS, Lake

_HOUR = timedelta(hours=1)


def unneeded(
    lake: Lake, parts: Collection[str], keep: Collection[int], age: timedelta
) -> dict[str, int]:
    """Files below a table that neither its newest nor a kept version has, with their bytes.

    age: how long ago they were replaced, or written by a commit that never came to be.
    """
    table = lake.find(*parts)
    if table is None:
        return {}
    with writing.one_error(lake.uri(*parts), "changed the table", "looking for files"):
        found = table.vacuum(
            retention_hours=int(age / _HOUR),
            dry_run=True,
            enforce_retention_duration=False,
            full=True,
            keep_versions=sorted(version for version in keep if version <= table.version()),
        )
    place = table_files.filesystem(lake.uri(*parts))
    there = place.get_file_info([unquote(path) for path in found])
    return {info.path: info.size for info in there if info.type == fs.FileType.File}


def remove(lake: Lake, parts: Collection[str], paths: Collection[str]) -> None:
    """Remove files below a table; those that are gone already, by a vacuum before, are no error."""
    place = table_files.filesystem(lake.uri(*parts))
    for info in place.get_file_info(list(paths)):
        if info.type == fs.FileType.File:
            place.delete_file(info.path)


def forget(lake: Lake, parts: Collection[str], column: str, before: datetime) -> int:
    """Take the rows before an instant out of a table, by one commit; how many. Their files stay.

    Raises ConflictError when another writer changed the same rows at the same moment.
    """
    table = lake.find(*parts)
    if table is None:
        return 0
    instant = before.astimezone(UTC).isoformat()
    with (
        writing.one_error(lake.uri(*parts), "changed the table"),
        lake.committing(*parts) as intended,
    ):
        done = table.delete(
            f"{column} < arrow_cast('{instant}', 'Timestamp(Microsecond, Some(\"UTC\"))')",
            writer_properties=ROW_GROUPS,
            commit_properties=CommitProperties(custom_metadata=dict(intended)),
            post_commithook_properties=KEEP_LOG,
        )
    return int(done["num_deleted_rows"])
