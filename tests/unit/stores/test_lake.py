"""The lake: what it cannot open, and where it cannot be, is said in one line."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hindcast.errors import ConflictError, HindcastError, InputError
from hindcast.stores.lake import Lake

ROWS = pa.table({"id": [1, 2]})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake with one table of two commits."""
    lake = Lake(str(tmp_path / "lake"))
    assert lake.append_once("first", ROWS.to_reader(), "raw", "orders")
    return lake


def commits(lake: Lake) -> list[Path]:
    return sorted(Path(lake.uri("raw", "orders"), "_delta_log").glob("*.json"))


@pytest.mark.parametrize(
    "content",
    [b"{{{\nnot json\n", b"\x00\xff\n", b'{"metaData":{"id', b""],
    ids=["not JSON", "not text", "cut off", "empty"],
)
def test_a_corrupt_log_is_one_line_naming_the_table(lake: Lake, content: bytes) -> None:
    for commit in commits(lake):
        commit.write_bytes(content)
    for attempt in (
        lambda: lake.find("raw", "orders"),
        lambda: lake.open("raw", "orders", fix=""),
        lambda: lake.has("first", "raw", "orders"),
        lambda: lake.append_once("second", ROWS.to_reader(), "raw", "orders"),
    ):
        with pytest.raises(HindcastError) as refusal:
            attempt()
        message = str(refusal.value)
        assert message.startswith(f"{lake.uri('raw', 'orders')}: cannot be opened: ")
        assert len(message.splitlines()) == 1


def test_a_log_without_its_first_commit_is_corrupt_and_not_empty(lake: Lake) -> None:
    commits(lake)[0].unlink()
    with pytest.raises(HindcastError, match="raw/orders: cannot be opened: "):
        lake.append_once("second", ROWS.to_reader(), "raw", "orders")


def test_a_transaction_appends_once(lake: Lake) -> None:
    assert not lake.append_once("first", ROWS.to_reader(), "raw", "orders")
    assert lake.append_once("second", ROWS.to_reader(), "raw", "orders")
    assert lake.open("raw", "orders", fix="").to_pyarrow_table().num_rows == 4


def test_a_file_has_groups_of_rows_that_several_cores_can_read(lake: Lake) -> None:
    many = pa.table({"id": pa.array(range(200_000), pa.int64())})
    lake.append_once("many", many.to_reader(), "raw", "payments")
    for _ in range(2):
        (file,) = lake.open("raw", "payments", fix="").file_uris()
        footer = pq.read_metadata(file)
        assert footer.num_row_groups == 2
        assert footer.row_group(0).column(0).compression == "SNAPPY"
        lake.append_once("one", ROWS.to_reader(), "raw", "payments")
        lake.compact("raw", "payments")


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (pa.int32(), "int32"),
        (pa.decimal128(20, 2), "decimal(20,2)"),
        (pa.string(), "string"),
    ],
)
def test_a_column_of_a_narrower_type_is_refused_before_anything_is_written(
    lake: Lake, kind: pa.DataType, told: str
) -> None:
    before = commits(lake)
    with pytest.raises(InputError) as refusal:
        lake.append_once("second", pa.table({"id": pa.nulls(1, kind)}).to_reader(), "raw", "orders")
    assert str(refusal.value) == (
        f"{lake.uri('raw', 'orders')}: column 'id' holds bigint and is now declared {told}; "
        "keep the type, add a column of another name, or ingest all files into a source of "
        "another name"
    )
    assert commits(lake) == before
    assert not lake.has("second", "raw", "orders")


@pytest.mark.parametrize(
    ("kind", "place"),
    [(pa.float64(), "id:double"), (pa.decimal128(21, 2), "id:decimal_21_2")],
    ids=["double", "decimal"],
)
def test_a_column_of_a_wider_type_gets_a_place_beside_the_one_it_had(
    lake: Lake, kind: pa.DataType, place: str
) -> None:
    wide = ROWS.cast(pa.schema({"id": kind}))
    for transaction in ("second", "third"):
        assert lake.append_once(transaction, wide.to_reader(), "raw", "orders")
    held = lake.open("raw", "orders", fix="").to_pyarrow_table()
    assert held.column_names == ["id", place]
    assert sorted(held["id"].drop_null().to_pylist()) == [1, 2]
    assert sorted(held[place].drop_null().to_pylist()) == [1, 1, 2, 2]
    with pytest.raises(InputError, match=r"'id' holds d.* now declared bigint"):
        lake.append_once("fourth", ROWS.to_reader(), "raw", "orders")


def test_of_two_writers_one_that_did_not_see_the_wider_type_is_told_to_read_again(
    lake: Lake,
) -> None:
    wide = pa.table({"id": [1.5]}).to_reader()

    def narrow_rows() -> Iterator[pa.RecordBatch]:
        with ThreadPoolExecutor(1) as other:
            assert other.submit(lake.append_once, "wide", wide, "raw", "orders").result()
        yield from ROWS.to_batches()

    narrow = pa.RecordBatchReader.from_batches(ROWS.schema, narrow_rows())
    with pytest.raises(ConflictError, match="another writer made or changed the table meanwhile"):
        lake.append_once("narrow", narrow, "raw", "orders")
    held = lake.open("raw", "orders", fix="").to_pyarrow_table()
    assert sorted(held["id:double"].drop_null().to_pylist()) == [1.5]
    assert sorted(held["id"].drop_null().to_pylist()) == [1, 2]


def test_whole_numbers_that_a_double_would_round_are_not_widened_to_it(lake: Lake) -> None:
    large = pa.table({"id": [2**53, 2**53 + 1, -(2**60)]})
    lake.append_once("large", large.to_reader(), "raw", "orders")
    before, wide = commits(lake), pa.table({"id": [1.5]})
    with pytest.raises(InputError) as refusal:
        lake.append_once("wide", wide.to_reader(), "raw", "orders")
    assert str(refusal.value) == (
        f"{lake.uri('raw', 'orders')}: column 'id' has whole numbers beyond 2**53 in 2 rows, which "
        "a double would round; declare it decimal(19,0) or wider"
    )
    assert commits(lake) == before


def test_a_table_whose_events_have_another_identity_is_not_written_to(lake: Lake) -> None:
    first, second = "key id, event timestamp at, tiebreaker n", "key id, event timestamp on, no t"
    lake.append_once("1", ROWS.to_reader(), "raw", "loans", identity=first)
    lake.append_once("2", ROWS.to_reader(), "raw", "loans", identity=first)
    with pytest.raises(InputError) as refusal:
        lake.append_once("3", ROWS.to_reader(), "raw", "loans", identity=second)
    assert str(refusal.value) == (
        f"{lake.uri('raw', 'loans')}: its events have {first}, and are now declared to have "
        f"{second}; declare these as before, or ingest all files into a source of another name"
    )
    assert lake.open("raw", "loans", fix="").version() == 2
    # Tables of before these were told do not say.
    assert lake.append_once("2", ROWS.to_reader(), "raw", "orders", identity=first)


@pytest.mark.parametrize(
    ("folder", "part"),
    [("[x]", "["), ("a]", "]"), ("a|b", "|"), ("a^b", "^"), ("a\\b", "\\"), ("a%20b", "%20")],
)
def test_a_folder_that_delta_cannot_write_to_is_refused_before_it_is_made(
    tmp_path: Path, folder: str, part: str
) -> None:
    with pytest.raises(InputError) as refusal:
        Lake(str(tmp_path / folder / "lake"))
    assert str(refusal.value) == (
        f"{tmp_path / folder / 'lake'}: a Delta table's path cannot have '{part}' in it; "
        "rename the folder, or set HINDCAST_LAKE to another"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_relative_lake_is_refused_by_the_folder_it_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "[x]").mkdir()
    monkeypatch.chdir(tmp_path / "[x]")
    with pytest.raises(InputError, match=r"\[x\]/lake: a Delta table's path cannot have '\['"):
        Lake("lake")


def test_no_version_is_ever_cleaned_up(lake: Lake) -> None:
    """Delta-rs would, at a checkpoint after the table's retention: no replay outlives that."""
    lake.append_once("0", ROWS.to_reader(), "raw", "orders")
    eager = {"delta.logRetentionDuration": "interval 0 seconds", "delta.checkpointInterval": "5"}
    lake.open("raw", "orders", fix="").alter.set_table_properties(eager)
    for number in range(1, 8):
        lake.append_once(str(number), ROWS.to_reader(), "raw", "orders")
    log = Path(lake.uri("raw", "orders")) / "_delta_log"
    assert list(log.glob("*.checkpoint.parquet"))
    assert lake.open("raw", "orders", version=1, fix="").to_pyarrow_table().equals(ROWS)


def test_compacting_joins_files_and_keeps_every_version(lake: Lake) -> None:
    assert lake.compact("raw", "loans") == 0
    for number in range(5):
        lake.append_once(str(number), ROWS.to_reader(), "raw", "loans")
    before = lake.open("raw", "loans", fix="")
    assert lake.compact("raw", "loans") == 5
    after = lake.open("raw", "loans", fix="")
    assert (len(before.file_uris()), len(after.file_uris())) == (5, 1)
    assert after.to_pyarrow_table().num_rows == 5 * ROWS.num_rows
    assert lake.compact("raw", "loans") == 0
    earlier = lake.open("raw", "loans", version=before.version(), fix="")
    assert len(earlier.file_uris()) == 5
    assert earlier.to_pyarrow_table().num_rows == 5 * ROWS.num_rows


def test_an_address_of_s3_is_not_a_path() -> None:
    assert Lake("s3://bucket/a|b/").uri("raw", "orders") == "s3://bucket/a|b/raw/orders"
