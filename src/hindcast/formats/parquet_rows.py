"""Rows of a Parquet file by Arrow: of all its row groups or some, here or on S3."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.fs as fs
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError
from deltalake.fs import DeltaStorageHandler

from hindcast.errors import InputError, first_line
from hindcast.formats.objects import name_of
from hindcast.formats.torn import check_distinct

# Types that DuckDB, which reads all other files, gives as they are.
_PLAIN = (
    pa.types.is_integer,
    pa.types.is_float32,
    pa.types.is_float64,
    pa.types.is_boolean,
    pa.types.is_string,
    pa.types.is_date32,
    pa.types.is_decimal128,
)
_INSTANTS = (pa.timestamp("us"), pa.timestamp("us", tz="UTC"))


@contextmanager
def opened(file: str) -> Iterator[pq.ParquetFile]:
    """A file, of which only what is asked for is read.

    Raises InputError for one that is not there or no Parquet file, also while it is read.
    """
    try:
        with _stream(file) as stream:
            found = pq.ParquetFile(stream, pre_buffer=True)
            check_distinct(found.schema_arrow.names, name_of(file), "the file")
            yield found
    except (pa.ArrowException, OSError, DeltaError) as error:
        raise InputError(
            f"{name_of(file)}: not a Parquet file: {first_line(error)}; convert it, or copy it "
            "again"
        ) from error


def is_plain(schema: pa.Schema) -> bool:
    """Whether Arrow reads all columns as DuckDB does; a quarter of the time is what it takes."""
    return all(kind in _INSTANTS or any(each(kind) for each in _PLAIN) for kind in schema.types)


def rows(
    file: pq.ParquetFile, columns: Sequence[str], count: int, groups: Sequence[int] | None
) -> Iterator[pa.Table]:
    """Tables of at most so many rows in their order; groups: those that are read, None for all."""
    held = file.schema_arrow
    schema = pa.schema([(name, held.field(name).type) for name in columns])
    wanted = {"row_groups": groups, "columns": [*columns], "use_threads": False}
    for batch in file.iter_batches(count, **wanted):
        # In the wanted order; and a column that holds no null may do so in the next file.
        yield pa.Table.from_batches([batch]).select(schema.names).cast(schema)


def _stream(file: str) -> pa.NativeFile:
    if not file.startswith("s3://"):
        return pa.OSFile(file)
    folder, _, name = file.rpartition("/")
    return fs.PyFileSystem(DeltaStorageHandler(folder)).open_input_file(name)
