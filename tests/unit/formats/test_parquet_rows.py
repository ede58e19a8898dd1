"""Arrow gives the rows of a plain Parquet file as DuckDB does."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hindcast.errors import InputError
from hindcast.formats import parquet_rows

INSTANT = datetime(2021, 9, 17, 12, 30, 0, 5, tzinfo=UTC)
# One with a field that says it has no nulls, which the next file may have.
SCHEMA = pa.schema(
    [
        pa.field("natural", pa.uint32(), nullable=False),
        ("small", pa.int16()),
        ("single", pa.float32()),
        ("double", pa.float64()),
        ("flag", pa.bool_()),
        ("text", pa.string()),
        ("day", pa.date32()),
        ("amount", pa.decimal128(9, 2)),
        ("instant", pa.timestamp("us", tz="UTC")),
        ("local", pa.timestamp("us")),
    ]
)
VALUES: tuple[tuple[Any, ...], ...] = (
    (1, -1, 0.5, 0.1, True, "a", date(2021, 9, 17), Decimal("1.20"), INSTANT),
    (2, *[None] * 8),
    (3, 7, -1.5, float("inf"), False, "", date(1500, 1, 1), Decimal("-3.40"), INSTANT),
)
NAMES = SCHEMA.names
PLAIN = pa.Table.from_pylist(
    [
        dict(zip(NAMES, (*row, row[-1] and row[-1].replace(tzinfo=None)), strict=True))
        for row in VALUES
    ],
    SCHEMA,
)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """The plain rows, in two row groups."""
    pq.write_table(PLAIN, tmp_path / "rows.parquet", row_group_size=2)
    return str(tmp_path / "rows.parquet")


def test_plain_rows_are_those_of_duckdb(path: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        expected = connection.sql(f"FROM '{path}'").to_arrow_table()
    with parquet_rows.opened(path) as file:
        assert parquet_rows.is_plain(file.schema_arrow)
        found = pa.concat_tables(parquet_rows.rows(file, NAMES, 2, None))
    assert found.schema == expected.schema
    assert found.equals(expected)


def test_some_columns_of_some_row_groups_are_read_in_the_order_that_is_wanted(path: str) -> None:
    with parquet_rows.opened(path) as file:
        (found,) = parquet_rows.rows(file, ["text", "natural"], 10, [1])
    assert found.to_pydict() == {"text": [""], "natural": [3]}


@pytest.mark.parametrize(
    "kind",
    [
        pa.timestamp("ns"),
        pa.timestamp("us", tz="Europe/Berlin"),
        pa.dictionary(pa.int32(), pa.string()),
        pa.list_(pa.int64()),
        pa.float16(),
        pa.uuid(),
    ],
    ids=str,
)
def test_other_types_are_left_to_duckdb(kind: pa.DataType) -> None:
    assert not parquet_rows.is_plain(pa.schema([("a", pa.int64()), ("b", kind)]))


def test_what_is_no_parquet_is_named(tmp_path: Path) -> None:
    for name, content in {"torn.parquet": b"PAR1 and no more", "none.parquet": None}.items():
        if content:
            (tmp_path / name).write_bytes(content)
        with (
            pytest.raises(InputError, match=f"{name}: not a Parquet file"),
            parquet_rows.opened(str(tmp_path / name)),
        ):
            pass
