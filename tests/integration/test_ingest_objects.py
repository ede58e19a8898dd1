"""Ingesting what is on S3 (moto's server): as a file, but called by its address."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import boto3
import moto.settings
import pyarrow.csv
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from hindcast import cli, names
from hindcast.data.ingest import IngestReport, add_file
from hindcast.demo.generate import generate
from hindcast.errors import InputError, StoreUnavailableError
from hindcast.formats.objects import listed
from hindcast.stores.lake import Lake
from tests.integration import moto_aws
from tests.integration.orders import GOOD, HEADER, NOW, orders, quarantine, raw, write_csv

CSV = f"{HEADER}\n{GOOD}\ntorn\n".encode()


@pytest.fixture
def bucket() -> Iterator[str]:
    with moto_aws.bucket("data") as uri:
        yield uri


def put(uri: str, content: bytes) -> str:
    """Put an object to an address; the version of it that this made."""
    name, _, key = uri.removeprefix("s3://").partition("/")
    made = boto3.client("s3").put_object(Bucket=name, Key=key, Body=content)
    return str(made.get("VersionId", ""))


def add(uri: str, lake: Lake, version: str | None = None) -> IngestReport:
    return add_file(uri, orders, lake, NOW, version=version)


def test_an_object_is_called_by_its_address_everywhere(bucket: str, lake: Lake) -> None:
    uri = f"{bucket}/in coming/orders 1?x=[2]%20é.csv"
    put(uri, CSV)
    report = add(uri, lake)
    assert (report.file, report.accepted, report.quarantined) == (uri, 1, 1)
    assert report.reasons[0].startswith(f"{uri} line 3: ")
    assert [row["_file"] for row in raw(lake)] == [uri]
    assert [row["file"] for row in quarantine(lake)] == [uri]


def test_packed_and_parquet_objects_are_read_too(bucket: str, lake: Lake, tmp_path: Path) -> None:
    put(f"{bucket}/orders.csv.gz", gzip.compress(CSV))
    table = pyarrow.csv.read_csv(write_csv(tmp_path, GOOD))
    pyarrow.parquet.write_table(table, tmp_path / "orders.parquet")
    put(f"{bucket}/orders.parquet", (tmp_path / "orders.parquet").read_bytes())
    for name in ("orders.csv.gz", "orders.parquet"):
        assert add(f"{bucket}/{name}", lake).accepted == 1
    assert [row["id"] for row in raw(lake)] == [1, 1]


def test_the_same_bytes_add_nothing_wherever_they_are(
    bucket: str, lake: Lake, tmp_path: Path
) -> None:
    path = write_csv(tmp_path, GOOD)
    add_file(path, orders, lake, NOW)
    for name in ("once.csv", "again.csv"):
        put(f"{bucket}/{name}", path.read_bytes())
        assert add(f"{bucket}/{name}", lake).already_ingested
    assert len(raw(lake)) == 1


def test_a_version_is_read_although_it_was_overwritten(bucket: str, lake: Lake) -> None:
    boto3.client("s3").put_bucket_versioning(
        Bucket=bucket.removeprefix("s3://"), VersioningConfiguration={"Status": "Enabled"}
    )
    uri = f"{bucket}/orders.csv"
    first = put(uri, f"{HEADER}\n{GOOD}\n".encode())
    put(uri, f"{HEADER}\n2{GOOD[1:]}\n".encode())
    add(uri, lake, first)
    assert [row["id"] for row in raw(lake)] == [1]
    add(uri, lake)
    assert sorted(row["id"] for row in raw(lake)) == [1, 2]


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("s3://data/none.csv", r"s3://data/none\.csv: no such object"),
        ("s3://no-such-bucket/a.csv", r"s3://no-such-bucket/a\.csv: no such bucket"),
        ("s3://data/notes.txt", r"s3://data/notes\.txt: not \.csv, \.jsonl or \.parquet"),
        ("s3:///.csv", r"s3:///\.csv: names no object; write s3://bucket/key"),
        ("s3://orders.csv", r"s3://orders\.csv: names no object; write s3://bucket/key"),
        ("s3://data/empty.csv", r"s3://data/empty\.csv: the file is empty"),
        ("s3://data/false.parquet", r"s3://data/false\.parquet: not a Parquet file"),
        ("s3://data/other.csv", r"s3://data/other\.csv: column 'id' of source 'orders' is missing"),
    ],
)
def test_what_cannot_be_ingested_is_told_in_one_line(
    bucket: str, lake: Lake, uri: str, message: str
) -> None:
    for name, content in {"empty.csv": b"", "false.parquet": b"x", "other.csv": b"a\n1\n"}.items():
        put(f"{bucket}/{name}", content)
    with pytest.raises(InputError, match=f"^{message}") as raised:
        add(uri, lake)
    assert "\n" not in str(raised.value)
    assert lake.find(names.RAW, "orders") is None


def test_who_may_not_read_it_is_told_what_it_takes(
    bucket: str, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(f"{bucket}/orders.csv", CSV)
    iam = boto3.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # It keeps the key that it had.
    monkeypatch.setattr(moto.settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
    with pytest.raises(
        InputError, match=r"orders\.csv: not there, or not allowed; it takes s3:Get"
    ):
        add(f"{bucket}/orders.csv", lake)


def test_without_s3_it_may_be_tried_again(
    bucket: str, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreUnavailableError, match=r"^s3://data/orders\.csv: Could not connect"):
        add(f"{bucket}/orders.csv", lake)


def test_the_command_takes_files_and_objects(
    bucket: str, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "loans.csv"
    generate(path, customers=20, seed=1)
    put(f"{bucket}/loans.csv", path.read_bytes())
    monkeypatch.setenv(names.ENV_DATABASE_URL, database_url)
    home = ["--home", str(tmp_path / "home"), "--json"]
    both = CliRunner().invoke(cli.app, ["ingest", f"{bucket}/loans.csv", str(path), *home])
    assert both.exit_code == 0, both.output
    assert f'"file": "{bucket}/loans.csv"' in both.stdout
    assert both.stdout.count('"already_ingested": true') == 1
    runs = CliRunner().invoke(cli.app, ["runs", *home])
    assert f'"name": "{bucket}/loans.csv"' in runs.stdout


def test_a_folder_or_pattern_means_its_files_in_order(bucket: str, tmp_path: Path) -> None:
    for name in ("b.csv", "a/1.csv", "a/2.csv", "a/_SUCCESS", "a/b/[3].csv", "ab.csv"):
        put(f"{bucket}/in/{name}", CSV)
        local = tmp_path / "in" / name
        local.parent.mkdir(parents=True, exist_ok=True)
        local.write_bytes(CSV)
    for root in (f"{bucket}/in", str(tmp_path / "in")):
        assert listed(f"{root}/a/") == [f"{root}/a/{n}" for n in ("1.csv", "2.csv", "b/[3].csv")]
        assert listed(f"{root}/*.csv") == [f"{root}/ab.csv", f"{root}/b.csv"]
        assert listed(f"{root}/a/**/*.csv")[-1] == f"{root}/a/b/[3].csv"
        assert listed(f"{root}/a/b/[3].csv") == [f"{root}/a/b/[3].csv"]
        with pytest.raises(InputError, match="there are no files; name another"):
            listed(f"{root}/none*")
