"""Spines as callers have them: any type of key and instant, or the row and column that is wrong."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from hindcast.compiler.features import CompiledView, compile_view
from hindcast.compiler.service import of_view
from hindcast.data import retrieve
from hindcast.data import spine as spines
from hindcast.definitions import Entity, Feature, FeatureView, Source, prior
from hindcast.errors import InputError
from hindcast.formats.spine_file import Rows
from tests.unit.compiler.loans import at, view_of

COUNT = Feature("loans", "count(*)", over=prior())
VIEW = view_of(COUNT)
DAY = at(2021, 3, 1)
NAIVE = DAY.replace(tzinfo=None)


def by_key(kind: str) -> CompiledView:
    """A view of an entity whose key has that type."""
    schema = {"id": kind, "day": "date", "tie": "bigint"}
    source = Source("s", Entity("e", "id"), event_timestamp="day", tiebreaker="tie", schema=schema)
    return compile_view(FeatureView("v", source, [Feature("n", "count(*)", over=prior())]))


def spine(**columns: Any) -> Rows:
    return Rows(pa.table({"id": [1], "as_of": [DAY]} | columns))


def relation(view: CompiledView, rows: Rows, known_by: datetime | None = None) -> pa.Table:
    return spines.read(of_view(view), rows).relation(view, known_by)


def column(name: str, rows: Rows, view: CompiledView = VIEW) -> list[Any]:
    return list(relation(view, rows)[name].to_pylist())


@pytest.mark.parametrize(
    "values",
    [
        pa.array([date(2021, 3, 1)]),
        pa.array([date(2021, 3, 1)], pa.date64()),
        *(pa.array([NAIVE], pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")),
        *(pa.array([DAY], pa.timestamp(unit, tz="Asia/Tokyo")) for unit in ("s", "ns")),
        pa.array([DAY.astimezone(timezone(timedelta(hours=5)))]),
        *(
            pa.array([text])
            for text in ("2021-03-01", "2021-03-01T00:00:00Z", "2021-03-01 05:45:00+05:45")
        ),
        pa.array(["2021-03-01"], pa.large_string()),
        pa.array(["2021-03-01"]).dictionary_encode(),
    ],
    ids=lambda values: str(values.type) + str(values[0])[10:11],
)
def test_an_instant_may_be_a_date_a_timestamp_or_text_and_is_utc_unless_it_says(
    values: pa.Array,
) -> None:
    assert column("as_of", spine(as_of=values)) == [DAY]


def test_a_naive_timestamp_is_utc_and_a_zone_is_heeded() -> None:
    tokyo = pa.array([NAIVE]).cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="Asia/Tokyo"))
    assert column("as_of", spine(as_of=tokyo)) == [DAY]
    local = pa.array(["2021-03-01T09:00+09:00"])
    assert column("as_of", spine(as_of=local)) == [DAY]


def test_an_instant_between_two_microseconds_is_after_the_events_of_the_earlier_one() -> None:
    micros = int(DAY.timestamp()) * 1_000_000
    nanos = pa.array([micros * 1000 + 1], pa.timestamp("ns", tz="UTC"))
    assert column("as_of", spine(as_of=nanos)) == [DAY + timedelta(microseconds=1)]


def test_the_instant_may_be_called_event_timestamp() -> None:
    rows = Rows(pa.table({"event_timestamp": ["2021-03-01"], "id": [1]}))
    assert column("as_of", rows) == [DAY]


def test_when_it_was_asked_is_optional_in_every_row() -> None:
    assert column("asked_at", spine()) == [None]
    assert column("asked_at", spine(asked_at=["2021-03-02"])) == [at(2021, 3, 2)]
    assert column("asked_at", spine(asked_at=pa.nulls(1))) == [None]
    assert column("asked_at", spine(asked_at=pa.array([None], pa.string()))) == [None]
    two = Rows(pa.table({"id": [1, 1], "as_of": [DAY, DAY], "asked_at": [None, "2021-03-02"]}))
    assert column("asked_at", two) == [None, at(2021, 3, 2)]


def test_a_row_knows_by_its_own_column_else_by_the_one_for_all_else_by_its_instant() -> None:
    two = Rows(pa.table({"id": [1, 1], "as_of": [DAY, DAY], "known_by": ["2021-03-02", None]}))
    for one_for_all, expected in ((at(2022, 1, 1), at(2022, 1, 1)), (None, DAY)):
        known = relation(VIEW, two, one_for_all)["known_by"].to_pylist()
        assert known == [at(2021, 3, 2), expected]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([5], pa.int8()),
        pa.array([5], pa.uint64()),
        pa.array([5.0]),
        pa.array(["5"]),
        pa.array([Decimal("5.00")]),
        pa.array(["05"]).dictionary_encode(),
    ],
)
def test_a_whole_number_is_a_key_in_any_type(values: pa.Array) -> None:
    assert column("id", spine(id=values)) == [5]


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("string", pa.array(["007"]), "007"),
        ("string", pa.array(["007"]).dictionary_encode(), "007"),
    ],
)
def test_a_key_gets_its_declared_type(kind: str, values: pa.Array, expected: object) -> None:
    assert column("id", spine(id=values), by_key(kind)) == [expected]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"id": ["1", "x7"]}, "spine row 2: id 'x7' is not a bigint; correct the key"),
        ({"id": ["1", "0x1F"]}, "spine row 2: id '0x1F' is not a bigint; correct the key"),
        ({"id": ["9" * 19, "1"]}, f"spine row 1: id '{'9' * 19}' is not a bigint; correct the key"),
        ({"id": [1.0, 1.5]}, "spine row 2: id 1.5 is not a bigint; correct the key"),
        ({"id": [1.0, float("nan")]}, "spine row 2: id nan is not a bigint; correct the key"),
        ({"id": [1, None]}, "spine row 2: column 'id' is empty; give it a value"),
        ({"id": pa.nulls(2)}, "spine row 1: column 'id' is empty; give it a value"),
        ({"id": [True, False]}, "spine: column 'id' holds bool values, and the key is a bigint"),
        (
            {"id": [DAY, DAY]},
            r"spine: column 'id' holds timestamp\[us, tz=UTC\] values, and the key",
        ),
        ({"as_of": [DAY, None]}, "spine row 2: column 'as_of' is empty; give it a value"),
        (
            {"as_of": ["2021-01-01", "2021-02-29"]},
            "spine row 2: as_of '2021-02-29': not a date or instant; write 2021-09-17 or",
        ),
        ({"as_of": ["0001-01-01T00:00+01:00"] * 2}, "spine row 1: as_of '0001.*out of range"),
        ({"as_of": [1, 2]}, "spine: column 'as_of' holds int64 values; give dates, timestamps or"),
        (
            {"as_of": pa.array([0, 10**12], pa.timestamp("s"))},
            "spine row 2: as_of is out of range; use years 1 to 9999",
        ),
        (
            {"as_of": pa.array([0, 2**62], pa.timestamp("s"))},
            "spine row 2: as_of is out of range; use years 1 to 9999",
        ),
        ({"asked_at": ["soon", None]}, "spine row 1: asked_at 'soon': not a date or instant"),
        ({"known_by": [None, "soon"]}, "spine row 2: known_by 'soon': not a date or instant"),
        (
            {"event_timestamp": [DAY, DAY]},
            "spine: there are both columns 'as_of' and 'event_timestamp'; leave the one",
        ),
        (
            {"loans": [1, 2]},
            "spine: column 'loans' has the name of a feature of 'history'; rename the column",
        ),
    ],
)
def test_what_is_wrong_is_named_by_row_and_column(columns: dict[str, Any], reason: str) -> None:
    rows = Rows(pa.table({"id": [1, 2], "as_of": [DAY, DAY]} | columns))
    with pytest.raises(InputError, match=f"^{reason}"):
        relation(VIEW, rows)


def test_a_missing_column_is_named_beside_those_there_are() -> None:
    with pytest.raises(InputError, match="column 'id' is missing; there is who, as_of"):
        relation(VIEW, Rows(pa.table({"who": [1], "as_of": [DAY]})))
    missing = "column 'as_of' or 'event_timestamp' is missing; there is id, day"
    with pytest.raises(InputError, match=missing):
        relation(VIEW, Rows(pa.table({"id": [1], "day": [DAY]})))


def test_a_column_twice_is_refused() -> None:
    twice = pa.Table.from_arrays([[1], [DAY], [1]], names=["id", "as_of", "id"])
    with pytest.raises(InputError, match="spine: column 'id' is there twice; rename one"):
        relation(VIEW, Rows(twice))


def test_a_number_is_no_text_key_since_its_leading_zeros_are_lost() -> None:
    with pytest.raises(InputError, match="column 'id' holds int64 values, and the key is a string"):
        relation(by_key("string"), spine())


def test_a_text_that_postgres_cannot_hold_is_no_key() -> None:
    with pytest.raises(InputError, match=r"spine row 1: id 'a\\x00' is not a string"):
        relation(by_key("string"), spine(id=["a\0"]))


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.null()])
def test_a_spine_without_rows_has_no_rows_whatever_its_types(kind: pa.DataType) -> None:
    empty = Rows(pa.table({"id": pa.array([], kind), "as_of": pa.array([], kind)}))
    found = relation(VIEW, empty)
    assert found.num_rows == 0
    instant = spines.INSTANT
    assert found.schema.types == [pa.int64(), instant, pa.int64(), instant, instant, pa.int64()]


def test_keys_that_are_numbers_and_texts_at_once_are_refused_before_any_store_is_asked() -> None:
    now = datetime(2021, 3, 1, tzinfo=UTC)
    with pytest.raises(InputError, match=r"^keys: .*; give whole numbers, or texts"):
        retrieve.online(VIEW, "nowhere", [1, "a"], now)
    with pytest.raises(InputError, match=r"keys row 2: id '1\.5' is not a bigint"):
        retrieve.online(VIEW, "nowhere", ["1", "1.5"], now)
    with pytest.raises(InputError, match=r"^keys: "):
        retrieve.online(VIEW, "nowhere", [2**64], now)
