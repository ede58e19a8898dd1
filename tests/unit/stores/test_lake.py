"""The lake: what it cannot open, and where it cannot be, is said in one line."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hindcast.errors import HindcastError, InputError
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
        (pa.int32(), "holds int64 and is now declared int32"),
        (pa.float64(), "holds int64 and is now declared double"),
        (pa.string(), "holds int64 and is now declared string"),
    ],
)
def test_a_column_of_another_type_is_refused_before_anything_is_written(
    lake: Lake, kind: pa.DataType, told: str
) -> None:
    before = commits(lake)
    with pytest.raises(InputError) as refusal:
        lake.append_once("second", ROWS.cast(pa.schema({"id": kind})).to_reader(), "raw", "orders")
    assert str(refusal.value) == (
        f"{lake.uri('raw', 'orders')}: column 'id' {told}; "
        "keep the type, add a column of another name, or ingest all files into a source of "
        "another name"
    )
    assert commits(lake) == before
    assert not lake.has("second", "raw", "orders")


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
