"""A lake on S3 (moto's server) holds and computes the same as one in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pytest

from hindcast import names, project
from hindcast.compiler.query import Knowledge
from hindcast.data import training_set
from hindcast.data.ingest import IngestReport
from hindcast.data.materialize import MaterializeReport, materialize
from hindcast.demo.generate import generate
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.errors import DamagedError
from hindcast.stores import table_files
from hindcast.stores.database import connect
from hindcast.stores.integrity import Integrity, examine
from hindcast.stores.lake import Lake
from hindcast.stores.ledger import Ledger
from hindcast.stores.online import OnlineStore, ViewVersion
from hindcast.stores.table_files import active
from tests.integration import moto_aws
from tests.integration.orders import NOW, add, quarantine, raw

PROJECT = project.load(None)
VIEW, LOANS = PROJECT.view("credit_history"), PROJECT.source("loans")
KNOWLEDGE = Knowledge(datetime(2021, 9, 17, tzinfo=UTC), NOW)
ORDER = [("id", "ascending"), ("event_timestamp", "ascending"), ("tiebreaker", "ascending")]


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The URI of an empty bucket; AWS_* variables lead any client there."""
    with moto_aws.bucket("lake") as uri:
        yield uri


@pytest.fixture(scope="module")
def loan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("loans") / "loans.csv"
    generate(path, customers=60, seed=5)
    return path


@pytest.fixture(scope="module")
def ingested(
    bucket: str, loan_file: Path, tmp_path_factory: pytest.TempPathFactory, module_database_url: str
) -> dict[Lake, IngestReport]:
    """The same loans in a lake on S3, which a ledger knows, and in one in a folder."""
    root, ledger = f"{bucket}/some/prefix", Ledger(module_database_url)
    remote = Lake(root, Integrity(root, lambda: ledger.lake))
    lakes = [remote, Lake(str(tmp_path_factory.mktemp("lake")))]
    return {lake: add(loan_file, lake, LOANS) for lake in lakes}


def test_ingest_leaves_the_same_rows(ingested: dict[Lake, IngestReport]) -> None:
    (remote, local), (first, second) = ingested, ingested.values()
    assert first == second
    assert raw(remote, LOANS) == raw(local, LOANS)
    assert quarantine(remote, LOANS) == quarantine(local, LOANS)


def test_a_file_is_ingested_once(ingested: dict[Lake, IngestReport], loan_file: Path) -> None:
    remote = next(iter(ingested))
    before = remote.open(names.RAW, "loans", fix="").version()
    assert add(loan_file, remote, LOANS).already_ingested
    assert remote.open(names.RAW, "loans", fix="").version() == before


def materialized(
    lake: Lake, store: OnlineStore
) -> tuple[MaterializeReport, pa.Table, list[tuple[Any, ...]]]:
    """The report, the offline rows and the online rows."""
    report = materialize(VIEW, DuckDBEngine(), lake, store, KNOWLEDGE)
    offline = lake.open(names.FEATURES, VIEW.view.name, fix="").to_pyarrow_table()
    with connect(store.url) as connection:
        query = f"SELECT * FROM hindcast.{ViewVersion.of(VIEW).relation} ORDER BY id"
        online = connection.execute(query.encode()).fetchall()
    return report, offline.sort_by(ORDER), [row[:-1] for row in online]


def test_materialize_writes_the_same_rows_offline_and_online(
    ingested: dict[Lake, IngestReport], store: OnlineStore
) -> None:
    (first, offline, online), (second, expected, rows) = (
        materialized(lake, store) for lake in ingested
    )
    assert (first.events, first.entities) == (second.events, second.entities)
    assert offline.num_rows == first.events
    assert offline.drop_columns([names.RUN_ID]).equals(expected.drop_columns([names.RUN_ID]))
    assert online == rows


def test_the_training_set_is_the_same(ingested: dict[Lake, IngestReport]) -> None:
    model = PROJECT.model(None)
    remote, local = (
        training_set.build(
            PROJECT.service_of(model),
            PROJECT.labelled(model),
            model.cold_start,
            DuckDBEngine(),
            lake,
            KNOWLEDGE,
        ).table
        for lake in ingested
    )
    assert remote.num_rows > 500
    assert remote.equals(local)


@pytest.mark.parametrize("is_gone", [False, True], ids=["flipped", "gone"])
@pytest.mark.parametrize("is_log", [False, True], ids=["data", "log"])
def test_damage_of_an_object_is_found(
    ingested: dict[Lake, IngestReport], is_log: bool, is_gone: bool
) -> None:
    remote = next(iter(ingested))
    assert remote.integrity is not None
    table = remote.open(names.RAW, "loans", fix="")
    name = table_files.entry_path(table.version()) if is_log else next(iter(active(table)))
    with damaged(f"{remote.uri(names.RAW, 'loans')}/{name}", is_gone):
        report = examine(remote.integrity, "raw/loans")
        with pytest.raises(DamagedError, match=name):
            remote.check_whole(names.RAW, "loans")
    assert report is not None
    assert [name in str(each) for each in report.damages] == [True]
    remote.check_whole(names.RAW, "loans")


@contextmanager
def damaged(uri: str, is_gone: bool) -> Iterator[None]:
    """An object with another byte in it, or that is gone."""
    place = dict(zip(("Bucket", "Key"), uri.removeprefix("s3://").split("/", 1), strict=True))
    client = boto3.client("s3")
    before = client.get_object(**place)["Body"].read()
    if is_gone:
        client.delete_object(**place)
    else:
        client.put_object(**place, Body=before[:-9] + bytes([before[-9] ^ 1]) + before[-8:])
    try:
        yield
    finally:
        client.put_object(**place, Body=before)
