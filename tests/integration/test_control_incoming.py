"""A file that is put below incoming/ comes in by S3's event, once, into lake and ledger."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from hindcast import bootstrap, names
from hindcast.bootstrap import Application
from hindcast.demo.generate import generate
from hindcast.errors import InputError
from hindcast.operations import incoming
from hindcast.stores.lake import Lake
from hindcast.stores.ledger import Run
from lambdas.control.handler import handler
from tests import one_view
from tests.integration import moto_aws
from tests.integration.orders import GOOD, HEADER, NOW, orders, raw


@dataclass(frozen=True)
class Arrivals:
    """The lake's bucket, and Hindcast as the function has it."""

    bucket: str
    application: Application

    def put(self, key: str, content: bytes) -> dict[str, Any]:
        """Put an object; the detail of the event that S3 sends of it."""
        made = boto3.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content)
        return {
            "version": "0",
            "bucket": {"name": self.bucket},
            "object": {
                "key": key,
                "size": len(content),
                "etag": made["ETag"].strip('"'),
                "version-id": made["VersionId"],
                "sequencer": "00617F08299329D189",
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "1.2.3.4",
            "reason": "PutObject",
        }

    def ids(self) -> list[int]:
        """The people in the raw table of orders."""
        return sorted(row["id"] for row in raw(self.application.lake))

    def runs(self) -> list[Run]:
        """What the ledger has of ingests, the newest first."""
        return self.application.ledger.runs("ingest", None, None)


@pytest.fixture
def arrivals(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Arrivals]:
    bucket = f"lake-{uuid4()}"
    with moto_aws.bucket(bucket) as lake:
        boto3.client("s3").put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        for name, value in {
            names.ENV_HOME: str(tmp_path / "home"),
            names.ENV_PROJECT: str(one_view.write(tmp_path / "project")),
            names.ENV_LAKE: lake,
            names.ENV_DATABASE_URL: database_url,
        }.items():
            monkeypatch.setenv(name, value)
        yield Arrivals(bucket, bootstrap.application())


@pytest.fixture
def loans(tmp_path: Path) -> bytes:
    generate(tmp_path / "loans.csv", customers=50, seed=1)
    return (tmp_path / "loans.csv").read_bytes()


def sent(detail: Mapping[str, Any]) -> dict[str, Any]:
    return handler({"action": "ingest", "created": detail}, None)


def test_a_file_comes_in_and_is_recorded(arrivals: Arrivals, loans: bytes) -> None:
    report = sent(arrivals.put("incoming/2026/loans.csv", loans))
    uri = f"s3://{arrivals.bucket}/incoming/2026/loans.csv"
    assert report["file"] == uri
    assert report["accepted"] > 100
    assert report["quarantined"] > 0
    table = arrivals.application.lake.open(names.RAW, "loans", fix="").to_pyarrow_table()
    assert table.num_rows == report["accepted"]
    [run] = arrivals.runs()
    assert (run.status, run.parameters) == ("succeeded", {"source": "loans", "file": uri})
    assert run.inputs["file"] == {"name": uri, "digest": report["digest"]}
    assert run.outputs["accepted"] == report["accepted"]


def test_values_of_rows_are_not_logged(
    arrivals: Arrivals, loans: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    report = sent(arrivals.put("incoming/loans.csv", loans))
    assert (report["quarantined"] > 0, report["reasons"]) == (True, [])
    assert "row quarantined" not in capfd.readouterr().out


def test_an_event_that_comes_again_adds_nothing(arrivals: Arrivals, loans: bytes) -> None:
    event = arrivals.put("incoming/loans.csv", loans)
    first, again = sent(event), sent(event)
    copied = sent(arrivals.put("incoming/copy of loans.csv", loans))
    assert (again["already_ingested"], copied["already_ingested"]) == (True, True)
    table = arrivals.application.lake.open(names.RAW, "loans", fix="")
    assert table.to_pyarrow_table().num_rows == first["accepted"]


def test_of_two_files_of_one_name_both_come_in(arrivals: Arrivals, loans: bytes) -> None:
    first = arrivals.put("incoming/loans.csv", loans)
    header, line, *_ = loans.splitlines(keepends=True)
    second = arrivals.put("incoming/loans.csv", header + line)
    assert sent(second)["rows"] == 1
    assert sent(first)["rows"] > 100


def test_a_source_is_named_by_the_folder_or_by_the_file_or_is_the_only_one(
    arrivals: Arrivals,
) -> None:
    content = f"{HEADER}\n{GOOD}\n".encode()
    project = arrivals.application.project
    both = replace(project, sources={**project.sources, "orders": orders})
    application = Application(arrivals.application.settings, both)
    event = arrivals.put("incoming/orders/2026/day.csv", content)
    report = incoming.ingest(application, event, NOW)
    assert report is not None
    assert arrivals.ids() == [1]
    again = incoming.ingest(application, arrivals.put("incoming/2026/orders.csv", content), NOW)
    assert again is not None
    assert again.already_ingested
    with pytest.raises(
        InputError, match=r"day.csv: no source is called \'day\'; name the one .*: loans, orders"
    ):
        incoming.ingest(application, arrivals.put("incoming/day.csv", content), NOW)


def test_the_consoles_folder_is_no_file(arrivals: Arrivals) -> None:
    assert sent(arrivals.put("incoming/orders/", b"")) == {}
    assert arrivals.runs() == []


def test_a_file_that_cannot_come_in_fails_and_is_recorded(arrivals: Arrivals) -> None:
    event = arrivals.put("incoming/loans.csv", b"id,amount\n1,2\n")
    with pytest.raises(InputError, match=r"incoming/loans\.csv: column .* is missing"):
        sent(event)
    [run] = arrivals.runs()
    assert run.status == "failed"
    assert Lake(arrivals.application.settings.lake).find(names.RAW, "loans") is None
