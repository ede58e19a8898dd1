"""Batches from and to S3, other databases, Delta versions and events; models in files."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from deltalake import DeltaTable, WriterProperties, write_deltalake

from hindcast.bootstrap import Application
from hindcast.errors import InputError
from hindcast.operations.batch import config, registry, splits
from hindcast.operations.batch.chunks import BatchReport
from hindcast.operations.batch.parts import PartContext
from hindcast.operations.batch.run import run_batch
from hindcast.operations.events import envelope
from hindcast.stores.ledger.events import Announcement
from tests.integration import moto_aws
from tests.integration.hindsight import ANN, BOB, CUSTOMERS, Home
from tests.unit.serving import sample_release


def part(type: str, **params: Any) -> dict[str, Any]:
    return {"type": type, "params": params}


def run(
    application: Application,
    source: Mapping[str, Any],
    target: Mapping[str, Any],
    run_id: str | None = None,
    **settings: Any,
) -> BatchReport:
    data = {"source": dict(source), "target": dict(target), **settings.pop("data", {})}
    document = {"model": {"type": "release"}, "data": data, **settings}
    batch = config.parse(yaml.safe_dump(document), "batch.yaml")
    return run_batch(application, batch, run_id)


@pytest.mark.parametrize("type", ["local_file", "delta"])
def test_the_splits_of_a_source_have_its_rows_once_and_in_order(
    settled: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, type: str
) -> None:
    monkeypatch.setattr(splits, "SPLIT_ROWS", 5)
    rows = pa.table({"row": range(23), "text": [str(number) for number in range(23)]})
    folder = tmp_path / "rows"
    params = {"uri" if type == "delta" else "path": str(folder)}
    if type == "delta":
        groups = WriterProperties(max_row_group_size=2)
        write_deltalake(folder, rows.slice(0, 15), writer_properties=groups)
        write_deltalake(folder, rows.slice(15), mode="append")
    else:
        folder.mkdir()
        pq.write_table(rows.slice(0, 15), folder / "0.parquet", row_group_size=2)
        pq.write_table(rows.slice(15), folder / "1.parquet")
    context = PartContext(settled.application, "run", datetime.now(UTC), None, None, 4)
    found = registry.find("source", type)

    def read(*only: splits.RowSplit) -> pa.Table:
        source = found.make(found.params.model_validate(params), context)  # type: ignore[union-attr]
        for split in only:
            source.only(split)
        return pa.concat_tables(source.tables(4))

    source = found.make(found.params.model_validate(params), context)  # type: ignore[union-attr]
    cut = list(source.splits())
    assert sorted(split.rows for split in cut) == [3, 4, 4, 4, 8]
    assert [read(split).num_rows for split in cut] == [split.rows for split in cut]
    assert pa.concat_tables([read(split) for split in cut]).equals(read())
    assert sorted(read()["row"].to_pylist()) == list(range(23))


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with moto_aws.bucket("scores") as uri:
        yield uri


def test_objects_are_scored_into_an_object_and_wait_in_the_lakes_bucket(
    settled: Home, bucket: str, tmp_path: Path
) -> None:
    for name, customer in (("a", ANN), ("b", BOB), ("c", -1)):
        body = f"id\n{customer}\n".encode()
        boto3.client("s3").put_object(Bucket="scores", Key=f"in/{name}.csv", Body=body)
    here = settled.application
    there = Application(replace(here.settings, lake=f"{bucket}/lake"), here.project)
    target = part("s3", uri=f"{bucket}/out/scores.jsonl")
    source = part("s3", uri=f"{bucket}/in/")
    report = run(there, source, target, chunk_rows=2, max_error_share=0.5)
    assert (report.chunks, report.scored, report.errors) == (2, 2, 1)
    found = [
        json.loads(line)
        for name in ("scores", "scores.errors")
        for line in boto3.client("s3")
        .get_object(Bucket="scores", Key=f"out/{name}.jsonl")["Body"]
        .read()
        .splitlines()
    ]
    assert [row.get("id", row.get("keys")) for row in found] == [ANN, BOB, '{"id": "-1"}']
    left = boto3.client("s3").list_objects_v2(Bucket="scores", Prefix="lake/batches")
    assert left["KeyCount"] == 0


def test_a_url_has_its_password_from_secrets_manager(
    settled: Home, bucket: str, tmp_path: Path
) -> None:
    database = tmp_path / "s3cret.db"
    secret = json.dumps({"file": str(database)})
    boto3.client("secretsmanager").create_secret(Name="scores-db", SecretString=secret)
    target = part("sql", url="sqlite:///${secret:scores-db#file}", table="scores")
    report = run(settled.application, ids(tmp_path, ANN), target)
    assert sqlite3.connect(database).execute("SELECT id FROM scores").fetchall() == [(ANN,)]
    assert "s3cret" not in f"{report} {settled.application.ledger.find_run(report.run)}"


def ids(folder: Path, *customers: object) -> dict[str, Any]:
    path = folder / "ids.csv"
    path.write_text("\n".join(["id", *map(str, customers)]) + "\n")
    return part("local_file", path=str(path))


def test_rows_with_the_same_keys_are_replaced_in_any_database(
    settled: Home, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'scores.db'}"
    connection = sqlite3.connect(tmp_path / "scores.db")
    connection.execute("CREATE TABLE asked AS SELECT 1 AS id WHERE false")
    connection.executemany("INSERT INTO asked VALUES (?)", [(each,) for each in CUSTOMERS])
    connection.commit()
    target = part("sql", url=url, table="scores", keys=["id"])
    for query in ("SELECT id FROM asked ORDER BY id", "SELECT id FROM asked WHERE id % 2 = 0"):
        source = part("sql", url=url, query=query)
        last = run(settled.application, source, target, chunk_rows=7)
    rows = connection.execute("SELECT id, run = ? FROM scores ORDER BY id", [last.run]).fetchall()
    assert rows == [(each, each % 2 == 0) for each in CUSTOMERS]
    with pytest.raises(InputError, match=r"data.source.params.query: no such table: nowhere"):
        run(settled.application, part("sql", url=url, query="SELECT * FROM nowhere"), target)


def test_a_table_is_read_as_of_a_version(settled: Home, tmp_path: Path) -> None:
    table = str(tmp_path / "ids")
    for customer in (ANN, BOB):
        write_deltalake(table, pa.table({"id": [customer], "note": ["x"]}), mode="append")
    first = DeltaTable(table).history()[-1]["timestamp"] / 1000
    then = datetime.fromtimestamp(first, UTC).isoformat()
    target = part("local_file", path=str(tmp_path / "scores.parquet"))
    for choice in ({"version": 0}, {"as_of": then}, {}):
        source = part("delta", uri=table, **choice)
        report = run(settled.application, source, target, data={"keep": ["note", "id"]})
        assert report.rows == (1 if choice else 2)
    assert pq.read_schema(tmp_path / "scores.parquet").names[:2] == ["note", "id"]
    with pytest.raises(InputError, match="version and as_of are both given"):
        run(settled.application, part("delta", uri=table, version=1, as_of="2021-01-01"), target)


def test_answers_are_events_of_the_outbox_each_once(settled: Home, tmp_path: Path) -> None:
    source, target = ids(tmp_path, ANN, BOB, -1), part("events", rows=1)
    run(settled.application, source, target, "told", max_error_share=0.5)
    events = [
        event
        for event in settled.application.ledger.outbox.events("PredictionsReady", None)
        if event.subject == "told"
    ]
    schema = envelope.schema("PredictionsReady")
    for event in events:
        jsonschema.validate(dict(event.data), schema)
    assert [row["id"] for event in events for row in event.data.get("predictions", ())] == [
        BOB,
        ANN,
    ]
    assert {event.id for event in events} >= {"told-predictions-0", "told-unanswered-0"}
    settled.application.ledger.outbox.add(
        {"told-predictions-0": Announcement("PredictionsReady", "told")}
    )
    again = settled.application.ledger.outbox.events("PredictionsReady", None)
    assert len([event for event in again if event.subject == "told"]) == len(events)


def test_a_file_of_onnx_scores_columns_of_text(settled: Home, tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(sample_release.model())
    names = [str(feature["name"]) for feature in sample_release.FEATURES]
    rows = tmp_path / "rows.csv"
    rows.write_text(f"id,{','.join(names)}\n1,2,1000,1,30\n2,x,1000,1,30\n3,,,,\n")
    params = {"path": str(model), "columns": names, "keys": ["id"]}
    report = run(
        settled.application,
        part("local_file", path=str(rows)),
        part("local_file", path=str(tmp_path / "scores.csv")),
        model=part("onnx", **params),
        max_error_share=0.4,
    )
    assert (report.scored, report.errors) == (2, 1)
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    assert lines[0].startswith('"id","probabilities_0","probabilities_1","release"')
    assert lines[2].startswith('"3",0.5,0.5')
    with pytest.raises(InputError, match="its SHA-256 is"):
        run(
            settled.application,
            part("local_file", path=str(rows)),
            part("local_file", path=str(tmp_path / "scores.csv")),
            model=part("onnx", **params, digest="0" * 64),
        )


def test_a_source_without_rows_leaves_a_target_without_rows(settled: Home, tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("yesterday's")
    report = run(settled.application, ids(tmp_path), part("local_file", path=str(path)))
    assert (report.rows, report.errors) == (0, 0)
    assert path.read_text().startswith('"id","prediction","probability","release"')


def test_the_files_of_a_source_have_the_same_columns(settled: Home, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "1.csv").write_text(f"id\n{ANN}\n")
    (folder / "2.csv").write_text(f"customer\n{BOB}\n")
    target = part("local_file", path=str(tmp_path / "scores.csv"))
    with pytest.raises(InputError, match=r"2.csv: column 'id' is missing"):
        run(settled.application, part("local_file", path=str(folder)), target)


def test_columns_of_the_rows_are_not_taken_for_answers(settled: Home, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text(f"id,prediction,run\n{ANN},last month's,old\n")
    source = part("local_file", path=str(rows))
    target = part("local_file", path=str(tmp_path / "scores.parquet"))
    run(settled.application, source, target)
    (found,) = pq.read_table(tmp_path / "scores.parquet").to_pylist()
    assert found["prediction"] in (0, 1)
    with pytest.raises(InputError, match="every target has a column 'run' of its own"):
        run(settled.application, source, target, data={"keep": ["id", "run"]})


def test_a_run_id_is_no_path(settled: Home, tmp_path: Path) -> None:
    target = part("local_file", path=str(tmp_path / "scores.parquet"))
    with pytest.raises(InputError, match=r"run id '\.\./x': use letters"):
        run(settled.application, ids(tmp_path, ANN), target, "../x")


def test_a_job_has_the_run_id_that_it_was_started_with(settled: Home, tmp_path: Path) -> None:
    here = settled.application
    target = part("local_file", path=str(tmp_path / "scores.parquet"))
    started = Application(replace(here.settings, run_id="job-1"), here.project)
    first = run(started, ids(tmp_path, ANN), target)
    assert first.run == "job-1"
    retried = Application(replace(here.settings, run_id="job-2"), here.project)
    assert run(retried, ids(tmp_path, ANN), target, "job-1") == first
