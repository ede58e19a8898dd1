"""Releases in a bucket: whole or not at all, the same for everybody, and verified where read."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest

from hindcast.errors import InputError, NotFoundError, ReleaseError, StoreUnavailableError
from hindcast.releases.bucket import BucketStore
from tests.integration import moto_aws
from tests.unit.serving import sample_release

ROOT = Path(__file__).parents[2]
FILES = ["metrics.json", "model.onnx", "serving_plan.json"]
NAME = "bucket"
_numbers = count(1)


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with moto_aws.bucket(NAME) as uri:
        yield uri


@pytest.fixture
def place(bucket: str) -> str:
    """A path of the test's own."""
    return f"{bucket}/models{next(_numbers)}"


@pytest.fixture
def store(place: str, tmp_path: Path) -> BucketStore:
    """A store of which one release was written on this machine, and not yet added."""
    store = BucketStore(place, tmp_path / "copies")
    sample_release.write(store.folder)
    return store


@pytest.fixture
def elsewhere(place: str, tmp_path: Path) -> BucketStore:
    """The same bucket, from a machine that has no copies."""
    return BucketStore(place, tmp_path / "elsewhere")


@pytest.fixture
def release(store: BucketStore) -> str:
    (written,) = store.folder.iterdir()
    return written.name


def client() -> Any:
    return boto3.client("s3")


def key(store: BucketStore, name: str) -> str:
    """The key of an object, or the path of the store, in the bucket."""
    return f"{store.uri.removeprefix(f's3://{NAME}/')}/{name}"


def objects(store: BucketStore) -> list[str]:
    found = client().list_objects_v2(Bucket=NAME, Prefix=key(store, ""))
    return [each["Key"].removeprefix(key(store, "")) for each in found.get("Contents", ())]


def put(store: BucketStore, name: str, content: bytes) -> None:
    client().put_object(Bucket=NAME, Key=key(store, name), Body=content)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_release_comes_back_as_it_was_added(
    store: BucketStore, elsewhere: BucketStore, release: str
) -> None:
    store.add(release)
    assert elsewhere.names() == [release]
    assert elsewhere.location(release) == f"{store.uri}/{release}"
    fetched = elsewhere.fetch(release)
    assert fetched == elsewhere.folder / release
    assert content(fetched) == content(store.folder / release)
    assert [path.name for path in elsewhere.folder.iterdir()] == [release]
    assert fetched.stat().st_mode & 0o777 == 0o755


def test_a_copy_is_fetched_once(store: BucketStore, elsewhere: BucketStore, release: str) -> None:
    store.add(release)
    before = elsewhere.fetch(release).stat()
    put(store, f"{release}/model.onnx", b"gone")
    assert elsewhere.fetch(release).stat() == before


def test_the_same_release_again_changes_nothing(store: BucketStore, release: str) -> None:
    store.add(release)
    before = objects(store)
    store.add(release)
    assert objects(store) == before == [f"{release}/{name}" for name in ["manifest.json", *FILES]]


# Adds a release, and dies before the next file once so many are written.
KILLED = """
import os, signal, sys
from pathlib import Path
from hindcast.releases.bucket import BucketStore

put, left = BucketStore._put, iter(range(int(sys.argv[1])))

def until_killed(*given):
    if next(left, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
    put(*given)

BucketStore._put = until_killed
BucketStore(sys.argv[2], Path(sys.argv[3])).add(sys.argv[4])
"""


@pytest.mark.parametrize("written", range(len(FILES) + 1))
def test_a_writer_that_is_killed_between_files_leaves_no_release(
    store: BucketStore, elsewhere: BucketStore, release: str, written: int
) -> None:
    given = [str(written), store.uri, str(store.folder), release]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", KILLED, *given], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(objects(store)) == written
    assert elsewhere.names() == []
    with pytest.raises(NotFoundError, match=f"release {release}: there is none in {store.uri}"):
        elsewhere.fetch(release)
    store.add(release)
    assert content(elsewhere.fetch(release)) == content(store.folder / release)


def test_writers_and_readers_may_race(
    store: BucketStore, elsewhere: BucketStore, release: str
) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(store.add, [release] * 4))
        folders = list(pool.map(elsewhere.fetch, [release] * 4))
    assert objects(store) == [f"{release}/{name}" for name in ["manifest.json", *FILES]]
    assert set(folders) == {elsewhere.folder / release}
    assert [path.name for path in elsewhere.folder.iterdir()] == [release]
    assert content(folders[0]) == content(store.folder / release)


@pytest.mark.parametrize("name", FILES)
def test_an_object_that_was_changed_is_refused_by_name(
    store: BucketStore, elsewhere: BucketStore, release: str, name: str
) -> None:
    store.add(release)
    put(store, f"{release}/{name}", b"{} ")
    with pytest.raises(ReleaseError) as raised:
        elsewhere.fetch(release)
    assert str(raised.value) == (
        f"release {release}: {name} has changed since it was released, in {store.uri}"
    )
    assert list(elsewhere.folder.iterdir()) == []


@pytest.mark.parametrize("name", FILES)
def test_an_object_that_is_missing_is_named(
    store: BucketStore, elsewhere: BucketStore, release: str, name: str
) -> None:
    store.add(release)
    client().delete_object(Bucket=NAME, Key=key(store, f"{release}/{name}"))
    with pytest.raises(ReleaseError, match=f"release {release}: {name} is missing, in s3://"):
        elsewhere.fetch(release)


@pytest.mark.parametrize("name", ["notes.txt", "deep/model.onnx", "../../escaped", "/tmp/escaped"])
def test_an_object_that_nobody_released_is_refused_and_written_nowhere(
    store: BucketStore, elsewhere: BucketStore, release: str, name: str
) -> None:
    store.add(release)
    put(store, f"{release}/{name}", b"")
    with pytest.raises(ReleaseError, match=f"release {release}: {name} is not part of the release"):
        elsewhere.fetch(release)
    assert list(elsewhere.folder.iterdir()) == []


def test_a_manifest_of_another_release_is_refused(
    store: BucketStore, elsewhere: BucketStore, release: str
) -> None:
    store.add(release)
    manifest = (store.folder / release / "manifest.json").read_bytes()
    put(store, "credit_risk-000000000000/manifest.json", manifest)
    with pytest.raises(ReleaseError, match=f"manifest.json belongs to release {release}, in"):
        elsewhere.fetch("credit_risk-000000000000")


def test_what_is_broken_here_is_not_added(store: BucketStore, release: str) -> None:
    (store.folder / release / "model.onnx").write_bytes(b"gone")
    with pytest.raises(ReleaseError, match=r"model.onnx has changed"):
        store.add(release)
    assert objects(store) == []


def test_only_what_has_a_manifest_of_its_own_is_listed(store: BucketStore, release: str) -> None:
    store.add(release)
    store.write_card(release, "page")
    for name in ("mlflow/1/models/m-2/artifacts/release/manifest.json", "manifest.json",
                 "other-1/model.onnx", f"{release}-copy/manifest.json.old"):  # fmt: skip
        put(store, name, b"{}")
    assert store.names() == [release]


def test_a_bucket_lists_more_than_a_page_of_objects(
    store: BucketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    for number in range(5):
        put(store, f"m-{number}/manifest.json", b"{}")
    assert len(objects(store)) == 2
    assert store.names() == [f"m-{number}" for number in range(5)]


def test_a_card_lies_beside_its_release_and_is_written_anew(
    store: BucketStore, elsewhere: BucketStore, release: str
) -> None:
    assert store.card(release) is None
    for page in ("first", "second, ü"):
        store.write_card(release, page)
        assert elsewhere.card(release) == page
    found = client().get_object(Bucket=NAME, Key=key(store, f"{release}.html"))
    assert found["ContentType"] == "text/html; charset=utf-8"


def test_a_bucket_may_hold_releases_at_its_root(tmp_path: Path, release: str) -> None:
    boto3.client("s3").create_bucket(Bucket="whole")
    for uri in ("s3://whole", "s3://whole/"):
        store = BucketStore(uri, tmp_path / "copies")
        store.add(release)
        assert store.names() == [release]
        assert store.location(release) == f"s3://whole/{release}"


def test_a_bucket_that_is_not_there_is_named(tmp_path: Path, bucket: str) -> None:
    with pytest.raises(InputError, match=r"^s3://absent/models: .*NoSuchBucket"):
        BucketStore("s3://absent/models", tmp_path).names()


def test_an_outage_is_one_line(
    store: BucketStore, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreUnavailableError, match=f"^{store.uri}/{release}/.*Could not connect"):
        store.add(release)


# All that the fetching process may not have: a machine that builds images.
ABSENT = ("onnxruntime", "numpy", "pyarrow", "deltalake", "sqlglot", "psycopg", "typer", "rich")
COMMAND = (
    f"import runpy, sys; sys.modules.update(dict.fromkeys({ABSENT})); "
    "runpy.run_module('hindcast.releases.fetch', run_name='__main__')"
)


def fetch(*arguments: object) -> tuple[int, str, str]:
    """What the command returns and writes, on a machine with boto3 and little else."""
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_command_fetches_from_a_bucket_and_from_a_folder(
    store: BucketStore, release: str, tmp_path: Path
) -> None:
    store.add(release)
    for source, to in ((store.uri, tmp_path / "one"), (store.folder, tmp_path / "two")):
        for _ in range(2):
            assert fetch(source, release, to) == (0, f"{to / release}\n", "")
        assert content(to / release) == content(store.folder / release)


def test_the_command_tells_what_it_cannot_fetch(
    store: BucketStore, release: str, tmp_path: Path
) -> None:
    expected = f"hindcast: release {release}: there is none in {store.uri}\n"
    assert fetch(store.uri, release, tmp_path / "to") == (2, "", expected)
    store.add(release)
    put(store, f"{release}/model.onnx", b"gone")
    code, out, err = fetch(store.uri, release, tmp_path / "to")
    assert (code, out) == (1, "")
    assert err.startswith(f"hindcast: release {release}: model.onnx has changed")
    assert fetch(tmp_path / "copies", f"m-{'0' * 64}", tmp_path / "to")[0] == 1
    assert fetch(tmp_path / "copies", "../copies", tmp_path / "to")[0] == 2
