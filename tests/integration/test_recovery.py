"""A region is lost, and another goes on from what had reached it by then.

Buckets of two regions, and a dump of the one's database restored for the other; each as late as it
may be: the lake behind the ledger in one table, ahead of it in another, and with half of a commit.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

import boto3
import pytest

from hindcast import project
from hindcast.audit.replay import replay
from hindcast.bootstrap import Application
from hindcast.errors import DamagedError, InputError
from hindcast.operations import recovery, verification
from hindcast.operations.recovery import RecoveryReport
from hindcast.stores import line_keys
from hindcast.stores.database import connect
from hindcast.stores.embedded_postgres import programs as postgres_programs
from tests.integration import hindsight, moto_aws
from tests.integration.hindsight import ANN, BOB, Home, Line

FIRST, SECOND = "first-region", "second-region"
RAW, HEADS = "lake/raw/loans/", f"s3://{SECOND}/ledger"


class Region(Home):
    """A home whose lake, releases and heads of the ledger are in the bucket of a region."""

    @cached_property
    def application(self) -> Application:
        plain = Home(self.folder, self.database_url, self.bucket).application.settings
        own = "ledger" if self.bucket == f"s3://{FIRST}" else "recovered"
        places = replace(plain, ledger_heads=f"{self.bucket}/{own}")
        return Application(places, project.load(places.project))

    def recover(self, heads: str = HEADS) -> RecoveryReport:
        return recovery.recover(self.application, heads)


@dataclass(frozen=True)
class Lost:
    """A region that is gone, the one that goes on, and an answer of before."""

    first: Region
    second: Region
    answer: Line


@pytest.fixture(scope="module")
def lost(
    settled: Home, postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lost]:
    folder = tmp_path_factory.mktemp("regions")
    with (
        moto_aws.bucket(FIRST),
        hindsight.database(postgres_server, "first_region", settled.database_url) as url,
        hindsight.database(postgres_server, "second_region") as restored,
    ):
        boto3.client("s3").create_bucket(Bucket=SECOND)
        home = hindsight.copy(settled, folder / "first", url)
        first = Region(home.folder, url, f"s3://{FIRST}")
        upload(first)
        second = Region(folder / "second", restored, f"s3://{SECOND}")
        second.definitions.parent.mkdir(parents=True)
        second.definitions.write_text(first.definitions.read_text())
        yield Lost(first, second, live_on(first, second))


def live_on(first: Region, second: Region) -> Line:
    """What happens until the first region is gone, and what of it reaches the other; an answer."""
    (answer, *_) = first.answer(ANN, BOB)
    keys = first.folder / line_keys.FILE
    (second.folder / line_keys.FILE).write_bytes(keys.read_bytes())
    replicate()
    first.answer(BOB)
    restore(first, second)
    first.ingest({"loan_id": 9_500_000})
    replicate(lambda key: "predictions" not in key)
    first.ingest({"loan_id": 9_500_001})
    replicate(lambda key: "/_delta_log/" in key and "predictions" not in key)
    replicate(lambda key: key.startswith("ledger/"))
    return answer


def upload(home: Region) -> None:
    for folder in ("lake", "releases"):
        for path in (home.folder / folder).rglob("*"):
            if path.is_file():
                key = str(path.relative_to(home.folder))
                boto3.client("s3").upload_file(str(path), FIRST, key)


def keys(bucket: str) -> set[str]:
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {each["Key"] for page in pages for each in page.get("Contents", ())}


def replicate(wanted: Callable[[str], bool] = lambda key: True) -> None:
    """Copy those objects of the first region that are not in the second."""
    client = boto3.client("s3")
    for key in filter(wanted, keys(FIRST) - keys(SECOND)):
        client.copy_object(Bucket=SECOND, Key=key, CopySource={"Bucket": FIRST, "Key": key})


def restore(first: Region, second: Region) -> None:
    """A dump of the first region's database, restored in the second."""
    programs = postgres_programs._programs({})
    dump = [str(programs / "pg_dump"), first.database_url]
    made = subprocess.run(dump, capture_output=True, check=True)
    words = [str(programs / "psql"), "-q", "-v", "ON_ERROR_STOP=1", second.database_url]
    subprocess.run(words, input=made.stdout, capture_output=True, check=True)


@contextmanager
def changed(key: str) -> Iterator[None]:
    """An object of the second region with another byte at its end."""
    place, client = {"Bucket": SECOND, "Key": key}, boto3.client("s3")
    before = client.get_object(**place)["Body"].read()
    client.put_object(**place, Body=before[:-1] + bytes([before[-1] ^ 1]))
    yield
    client.put_object(**place, Body=before)


def test_an_old_answer_replays_in_the_second_region_which_says_what_was_lost(lost: Lost) -> None:
    second, report = lost.second, lost.second.recover()
    ledger, answers, half = report.summary.split("; ")
    assert ledger.startswith(f"ledger: it ends at place {report.place}, and a head was kept of")
    assert answers.startswith("predictions: version 2 with 1 rows, recorded since 20")
    assert half == "raw/loans: version 3, of which not every file is here, set aside"
    assert report.added[-1] == "raw/loans: version 2, which the ledger did not know, kept"
    replayed = replay.replay(second.application, lost.answer["prediction_id"])
    assert (replayed.matches, replayed.release) == (True, lost.answer["release"])
    assert verification.verify(second.application).damage == ()


def test_the_second_region_goes_on_by_itself_and_recovering_again_is_nothing(lost: Lost) -> None:
    second, kept = lost.second, keys(FIRST)
    place = second.recover().place
    second.ingest({"loan_id": 9_500_002})
    assert keys(FIRST) == kept
    again = second.recover()
    assert (again.place, again.added, again.moved) == (place, (), 0)
    assert again.lost == (again.summary,)
    assert again.summary.startswith("ledger: it ends at place")
    assert verification.verify(second.application).damage == ()
    with connect(second.database_url) as session:
        found = session.execute("SELECT artifact_uri FROM mlflow.runs").fetchall()
    assert found
    assert all(uri.startswith(f"{second.bucket}/releases/mlflow/") for (uri,) in found)


def test_what_is_changed_and_not_only_late_is_refused(lost: Lost) -> None:
    with (
        changed(f"{RAW}_delta_log/{1:020}.json"),
        pytest.raises(DamagedError, match=r"raw/loans: .* is changed .*; a copy that is only late"),
    ):
        lost.second.recover()


def test_a_ledger_that_is_not_the_one_whose_heads_were_kept_is_refused(lost: Lost) -> None:
    client, name = boto3.client("s3"), f"other/{1:020d}-{'0' * 64}"
    client.put_object(Bucket=SECOND, Key=name, Body=b"")
    with pytest.raises(DamagedError, match="the restored ledger is not the one that was kept: "):
        lost.second.recover(f"s3://{SECOND}/other")
    with pytest.raises(InputError, match="no head was ever kept there"):
        lost.second.recover(f"s3://{SECOND}/none")
    with pytest.raises(InputError, match="set HINDCAST_LEDGER_HEADS to another place"):
        lost.second.recover(f"s3://{SECOND}/recovered")


def test_the_command_says_it_in_one_line(lost: Lost, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HINDCAST_LEDGER_HEADS", f"s3://{SECOND}/recovered")
        code, out, err = lost.second.run(capsys, "recover", "--heads", HEADS)
        assert (code, err) == (0, "")
        assert out.splitlines()[0].startswith("lost: ledger: it ends at place ")
        _, out, _ = lost.second.run(capsys, "recover", "--heads", HEADS, "--json")
    assert json.loads(out)["releases"] >= 2
