"""Parquet files: rows as CSV gives them, whatever types their columns have."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hindcast.errors import InputError
from hindcast.stores.lake import Lake
from tests.integration.orders import GOOD, add, quarantine, raw, write_csv

MIDNIGHT = datetime(2021, 5, 1)  # noqa: DTZ001
YEAR_10000 = 2_932_897  # Days and milliseconds since 1970; Python has no such date.
YEAR_0 = -719_468
DAY_IN_MS = 86_400_000


def parquet(folder: Path, **columns: pa.Array) -> Path:
    """A Parquet file of one good row, with some of its columns replaced."""
    good = {
        "id": pa.array([1]), "day": pa.array([date(2021, 5, 1)]), "order": pa.array([10]),
        "amount": pa.array([Decimal("1.5")], pa.decimal128(18, 6)), "count": pa.array([2]),
        "rate": pa.array([0.25]), "kind": pa.array(["cash"]),
    }  # fmt: skip
    path = folder / "orders.parquet"
    pq.write_table(pa.table(good | columns), path)
    return path


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"id": pa.array([1], pa.int32()), "count": pa.array([2], pa.uint8())},
        {"amount": pa.array([1.5])},
        {"amount": pa.array([Decimal("1.5")], pa.decimal128(38, 10))},
        {"id": pa.array(["1"]), "day": pa.array(["2021-05-01"]), "rate": pa.array(["0.25"])},
        {"rate": pa.array([0.25], pa.float32()), "kind": pa.array(["cash"]).dictionary_encode()},
    ],
    ids=["declared", "smaller integers", "double amount", "wider decimal", "text", "float"],
)
def test_parquet_gives_the_same_row_as_csv_whatever_holds_its_values(
    tmp_path: Path, lake: Lake, columns: dict[str, pa.Array]
) -> None:
    add(parquet(tmp_path, **columns), lake)
    add(write_csv(tmp_path, GOOD), lake)
    by_csv, by_parquet = raw(lake)
    assert by_parquet | {"_file": ""} == by_csv | {"_file": ""}


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"count": pa.array([1.5])}, "count '1.5' is not a whole number"),
        ({"amount": pa.array([0.1234567])}, "amount '0.1234567' is not a decimal(18,6)"),
        ({"rate": pa.array([np.nan])}, "rate 'nan' is not a finite number"),
        ({"rate": pa.array([np.inf])}, "rate 'inf' is not a finite number"),
        ({"id": pa.array([None], pa.int64())}, "id is missing"),
        ({"day": pa.array(["2021-02-30"])}, "day '2021-02-30' is not a date (YYYY-MM-DD)"),
    ],
)
def test_a_parquet_value_that_does_not_fit_goes_to_quarantine_by_its_row(
    tmp_path: Path, lake: Lake, columns: dict[str, pa.Array], reason: str
) -> None:
    add(parquet(tmp_path, **columns), lake)
    [bad] = quarantine(lake)
    assert (bad["file"], bad["line"], bad["reason"]) == ("orders.parquet", 1, reason)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC"])
def test_a_timestamp_of_midnight_is_a_date(
    tmp_path: Path, lake: Lake, unit: str, zone: str | None
) -> None:
    add(parquet(tmp_path, day=pa.array([MIDNIGHT], pa.timestamp(unit, zone))), lake)
    assert [row["day"] for row in raw(lake)] == [date(2021, 5, 1)]


@pytest.mark.parametrize(
    ("later", "shown"),
    [
        (timedelta(hours=12), "2021-05-01 12:00:00"),
        (timedelta(days=1, microseconds=-1), "2021-05-01 23:59:59.999999"),
        (timedelta(microseconds=1), "2021-05-01 00:00:00.000001"),
    ],
)
def test_a_timestamp_of_any_other_time_of_day_is_no_date(
    tmp_path: Path, lake: Lake, later: timedelta, shown: str
) -> None:
    add(parquet(tmp_path, day=pa.array([MIDNIGHT + later], pa.timestamp("us"))), lake)
    [bad] = quarantine(lake)
    assert bad["reason"] == f"day '{shown}' is not a date (YYYY-MM-DD)"
    assert raw(lake) == []


@pytest.mark.parametrize(
    "day",
    [
        pa.array([YEAR_10000], pa.date32()),
        pa.array([YEAR_0], pa.date32()),
        pa.array([YEAR_10000 * DAY_IN_MS], pa.timestamp("ms")),
        pa.array([YEAR_0 * DAY_IN_MS], pa.timestamp("ms")),
    ],
    ids=["date 10000", "date 0", "timestamp 10000", "timestamp 0"],
)
def test_a_year_that_python_does_not_have_is_no_date(
    tmp_path: Path, lake: Lake, day: pa.Array
) -> None:
    add(parquet(tmp_path, day=day), lake)
    [bad] = quarantine(lake)
    assert (bad["field"], "is not a date (YYYY-MM-DD)" in bad["reason"]) == ("day", True)
    assert raw(lake) == []


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"day": pa.array([2**62], pa.timestamp("ms"))}, "Conversion Error: .*Timestamp"),
        ({"kind": pa.array([b"\xff"]).view(pa.string())}, "Invalid Input Error: .*"),
    ],
    ids=["milliseconds beyond 64 bits of microseconds", "text that is not UTF-8"],
)
def test_a_value_that_stops_the_reader_refuses_the_file(
    tmp_path: Path, lake: Lake, columns: dict[str, pa.Array], message: str
) -> None:
    with pytest.raises(InputError, match=rf"^orders\.parquet: cannot be read: {message}.*; write"):
        add(parquet(tmp_path, **columns), lake)
    assert raw(lake) == quarantine(lake) == []


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([["cash"]]), r"VARCHAR\[\]"),
        (pa.array([{"how": "cash"}]), r"STRUCT\(how VARCHAR\)"),
        (pa.array([[("how", "cash")]], pa.map_(pa.string(), pa.string())), "MAP"),
    ],
    ids=["list", "struct", "map"],
)
def test_a_nested_column_is_refused_when_it_is_declared_and_ignored_when_it_is_not(
    tmp_path: Path, lake: Lake, values: pa.Array, kind: str
) -> None:
    with pytest.raises(
        InputError, match=rf"orders\.parquet: column 'kind' is {kind}.*; write plain"
    ):
        add(parquet(tmp_path, kind=values), lake)
    assert raw(lake) == quarantine(lake) == []
    add(parquet(tmp_path, note=values), lake)
    assert [row["kind"] for row in raw(lake)] == ["cash"]
    assert "note" not in raw(lake)[0]


def test_a_bad_row_with_a_nested_column_is_kept_as_it_was(tmp_path: Path, lake: Lake) -> None:
    add(parquet(tmp_path, id=pa.array(["?"]), note=pa.array([{"tags": ["a", "b"]}])), lake)
    [bad] = quarantine(lake)
    assert '"note":{"tags":["a","b"]}' in bad["record"]
