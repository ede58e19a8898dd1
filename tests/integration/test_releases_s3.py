"""Lake and releases in a bucket: everything works as it does in folders, on any machine."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from hindcast.errors import ReleaseError
from hindcast.models.registry.registry import open_registry
from hindcast.operations.drift import check
from hindcast.releases import contents
from hindcast.stores import line_keys
from tests.integration import control, hindsight, moto_aws
from tests.integration.hindsight import ANN, BOB, EARLIER, NOW, Home


@pytest.fixture(scope="module")
def settled(postgres_server: str, with_tables: str) -> Iterator[Home]:
    """A home that was lived in, whose lake and releases are in a bucket."""
    with (
        tempfile.TemporaryDirectory(prefix="hindcast-home-") as folder,
        moto_aws.bucket("hindcast") as uri,
        hindsight.database(postgres_server, "in_a_bucket", with_tables) as url,
    ):
        home = hindsight.settle(Path(folder), url, uri)
        home.answer(ANN, BOB)
        yield home


@pytest.fixture
def home(settled: Home, tmp_path: Path) -> Home:
    """The same from another machine, that has the definitions, and the keys that prove lines."""
    here = replace(settled, folder=tmp_path)
    shutil.copy(settled.folder / line_keys.FILE, tmp_path)
    here.definitions.parent.mkdir()
    here.definitions.write_text(settled.definitions.read_text())
    return here


def document(home: Home, capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    """What a command that succeeds prints."""
    code, out, err = home.run(capsys, *words, "--json")
    assert code == 0, err
    return json.loads(out)


def objects(home: Home, path: str) -> list[str]:
    assert home.bucket is not None
    bucket = home.bucket.removeprefix("s3://")
    found = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix=path)
    return [each["Key"] for each in found.get("Contents", ())]


def test_all_that_lasts_is_in_the_bucket(settled: Home) -> None:
    first, second = settled.releases
    for release in (first, second):
        assert f"releases/{release}/manifest.json" in objects(settled, f"releases/{release}/")
        assert objects(settled, f"releases/{release}.html")
    assert any(key.endswith("/model.onnx") for key in objects(settled, "releases/mlflow/"))
    assert not (settled.folder / "releases").exists()
    assert not (settled.folder / "lake").exists()


def test_the_ledger_names_the_place_in_the_bucket(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = document(home, capsys, "releases")
    assert [found["release"] for found in listed] == home.releases[::-1]
    for found in listed:
        assert found["location"] == f"{home.bucket}/releases/{found['release']}"
        assert found["card"] == f"{found['location']}.html"
    assert document(home, capsys, "status")["models"]["credit_risk"]["releases"] == len(listed)


def test_training_judging_and_promoting_need_nothing_but_the_bucket(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    before = document(home, capsys, "status")["models"]["credit_risk"]["champion"]
    trained = document(home, capsys, "train", "--as-of", "2021-03-01")
    release = trained["release"]
    assert trained["folder"] == f"{home.bucket}/releases/{release}"
    judged = document(home, capsys, "evaluate", release)
    assert (judged["champion"], judged["passed"]) == (before, True)
    assert document(home, capsys, "promote", release)["release"] == release
    assert ">champion<" in str(home.application.releases.card(release))
    assert document(home, capsys, "rollback")["release"] == before
    assert ">was champion<" in str(home.application.releases.card(release))


def test_an_answer_is_replayed_bit_for_bit(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    report = document(home, capsys, "replay", "--sample", "10")
    assert (report["predictions"], report["matching"]) == (2, 2)


def test_predictions_are_by_a_verified_copy(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    champion = document(home, capsys, "status")["models"]["credit_risk"]["champion"]
    answer = document(home, capsys, "predict", ANN)
    assert (answer["id"], answer["release"]) == (ANN, champion)
    assert contents.read(home.folder / "cache" / "releases" / champion).id == champion
    past = document(home, capsys, "predict", ANN, "--as-of", EARLIER, "--release", home.releases[0])
    assert past["release"] == home.releases[0]


def test_the_same_training_gives_the_same_release(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    release = home.releases[0]
    assert document(home, capsys, "train", "--like", release)["same"]
    kept = objects(home, "releases/credit_risk")
    again = document(home, capsys, "train", "--as-of", EARLIER, "--known-by", known_by(home))
    assert again["release"] == release
    assert objects(home, "releases/credit_risk") == kept


def test_artifacts_go_to_the_region_that_a_job_is_told(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job has AWS_REGION alone, which boto3, and so MLflow, does not read."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_REGION", "eu-south-2")
    open_registry.cache_clear()
    home.registry.prepare()
    assert boto3.Session().region_name == "eu-south-2"


def known_by(home: Home) -> str:
    manifest = contents.read(home.application.release_folder(home.releases[0])).manifest
    return str(manifest["known_by"])


def test_a_changed_object_is_refused_wherever_it_is_read(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    release, bucket = home.releases[0], boto3.client("s3")
    given = {"Bucket": "hindcast", "Key": f"releases/{release}/model.onnx"}
    good = bucket.get_object(**given)["Body"].read()
    bucket.put_object(**given, Body=good[:-1] + bytes([good[-1] ^ 1]))
    try:
        with pytest.raises(ReleaseError, match=f"release {release}: model.onnx has changed"):
            home.application.release_folder(release)
        past = ("predict", ANN, "--as-of", EARLIER, "--release", release)
        for words in (("train", "--like", release), past):
            code, out, err = home.run(capsys, *words)
            assert (code, out) == (1, "")
            assert err.endswith(
                f"model.onnx has changed since it was released, in {home.bucket}/releases\n"
            )
    finally:
        bucket.put_object(**given, Body=good)


def test_a_check_for_drift_keeps_its_page_as_an_object_that_the_control_api_gives(
    home: Home,
) -> None:
    report = check.check(home.application, "credit_risk", NOW)
    assert report.page == f"{home.bucket}/lake/reports/drift/credit_risk/{report.run}.html"
    [key] = objects(home, "lake/reports/")
    bucket = boto3.resource("s3").Bucket(str(home.bucket).removeprefix("s3://"))
    assert bucket.Object(key).content_type == "text/html"
    with control.opened(home) as api:
        assert api.done("GET", f"/runs/{report.run}")["outputs"]["page"] == report.page
        [told] = api.done("GET", "/models/credit_risk/drift")["checks"]
        path = f"/models/credit_risk/drift/{told['run']}"
        assert report.release in api.done("GET", path)["html"]
        bucket.Object(key).delete()
        status, refused = api.ask("GET", path)
        assert (status, report.page in refused["error"]["message"]) == (404, True)
        assert api.ask("GET", f"{path}x")[0] == 404
