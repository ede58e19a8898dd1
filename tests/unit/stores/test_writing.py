"""Whatever goes wrong while a table is written is one line, and nothing half written counts."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from hindcast.errors import HindcastError, is_panic
from hindcast.stores.writing import one_error

ROWS = pa.table({"n": list(range(10_000))})


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# A data file that is not whole; a log entry that is not.
@pytest.mark.parametrize("room", [1_000, 100])
def test_a_full_disk_is_one_line_and_leaves_the_table_as_it_was(room: int, tmp_path: Path) -> None:
    uri = str(tmp_path / "table")
    write_deltalake(uri, ROWS)
    rows = ROWS if room == 1_000 else ROWS.slice(0, 0)
    with (
        pytest.raises(HindcastError, match="writing failed") as raised,
        full_disk(room),
        one_error(uri, "changed it"),
    ):
        write_deltalake(uri, rows, mode="overwrite")
    assert "\n" not in str(raised.value)
    table = DeltaTable(uri)
    assert (table.version(), table.to_pyarrow_table().num_rows) == (0, 10_000)
    write_deltalake(uri, ROWS.slice(0, 5), mode="overwrite")
    assert DeltaTable(uri).to_pyarrow_table().num_rows == 5


def test_a_panic_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Of delta-rs, over a path that it takes for a pattern; Python takes it for no Exception."""
    uri = str(tmp_path / "a|b")
    with pytest.raises(BaseException, match="object store url") as panicked:
        write_deltalake(uri, ROWS)
    assert is_panic(panicked.value)
    with pytest.raises(HindcastError, match="writing failed: "), one_error(uri, "changed it"):
        write_deltalake(uri, ROWS)
    capfd.readouterr()  # Rust itself says so, too.
