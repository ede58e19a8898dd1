"""Batches on Spark: what one machine gives, from the same YAML, once."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from deltalake import DeltaTable

from glue_jobs.batch_predict import arguments, batch_predict
from hindcast.engines.spark.session import session
from hindcast.errors import HindcastError, InputError
from hindcast.operations.batch import config
from hindcast.operations.batch.chunks import BatchReport
from hindcast.operations.batch.run import run_batch
from tests.integration import moto_aws
from tests.integration.crashes import run_until_killed
from tests.integration.hindsight import CUSTOMERS, Home
from tests.spark import QUICK_JAVA


def document(folder: Path, engine: str, **settings: Any) -> dict[str, Any]:
    """A batch of the folder's Parquet files, into a Delta table that is named after the engine."""
    return {
        "model": {"type": "release"},
        "data": {
            "source": {"type": "local_file", "params": {"path": str(folder / "ids")}},
            "target": {"type": "delta", "params": {"uri": str(folder / engine)}},
        },
        "engine": engine,
        "chunk_rows": 1000,
        **settings,
    }


def run(home: Home, folder: Path, engine: str, id: str, **settings: Any) -> BatchReport:
    text = yaml.safe_dump(document(folder, engine, **settings))
    return run_batch(home.application, config.parse(text, "batch.yaml"), id)


def job(home: Home, folder: Path, id: str, **settings: Any) -> BatchReport:
    """The Glue job, with the arguments that the state machine gives it."""
    places = home.application.settings
    given = {
        "JOB_NAME": "batch",
        "lake": places.lake,
        "releases": places.releases,
        "database_url": home.database_url,
        "project": str(places.project),
        "config": json.dumps(document(folder, "spark", **settings)),
        "run": id,
    }
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    return batch_predict(arguments(["job.py", *words]))


def rows(table: Path, *order: str) -> list[dict[str, Any]]:
    """What a table holds but for the run."""
    found = DeltaTable(str(table)).to_pyarrow_table().drop_columns("run")
    return list(found.sort_by([(name, "ascending") for name in order]).to_pylist())


@pytest.fixture
def ids(tmp_path: Path) -> Path:
    """Keys in two files; one of each is nobody's."""
    (tmp_path / "ids").mkdir()
    for number, customers in enumerate((CUSTOMERS[:15], CUSTOMERS[15:])):
        table = pa.table({"id": [*customers, -1 - number]})
        pq.write_table(table, tmp_path / "ids" / f"{number}.parquet")
    return tmp_path


def test_spark_gives_what_one_machine_gives_and_gives_it_once(settled: Home, ids: Path) -> None:
    here = run(settled, ids, "local", "batch-here", max_error_share=0.1)
    there = run(settled, ids, "spark", "batch-there", max_error_share=0.1)
    counts = [(each.rows, each.scored, each.errors) for each in (here, there)]
    assert counts[0] == counts[1] == (len(CUSTOMERS) + 2, len(CUSTOMERS), 2)
    assert rows(ids / "spark", "id") == rows(ids / "local", "id")
    errors = [rows(ids / f"{engine}.errors", "row") for engine in ("spark", "local")]
    assert errors[0] == errors[1]
    assert [each["row"] for each in errors[0]] == [15, len(CUSTOMERS) + 1]
    schemas = [DeltaTable(str(ids / engine)).schema() for engine in ("spark", "local")]
    assert schemas[0] == schemas[1]
    assert run(settled, ids, "spark", "batch-there", max_error_share=0.1) == there
    assert len(rows(ids / "spark", "id")) == len(CUSTOMERS)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URI of a bucket that executors find too: they have Spark's environment, not ours."""
    with moto_aws.bucket("scores", apart=True) as uri:
        executors = session().sparkContext.environment
        for name, value in on_aws().items():
            monkeypatch.setitem(executors, name, value)
        yield uri


def on_aws() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def test_a_killed_run_from_s3_to_s3_goes_on_and_shows_all_rows_once(
    home: Home, ids: Path, bucket: str
) -> None:
    s3 = boto3.client("s3")
    for path in (ids / "ids").iterdir():
        s3.upload_file(str(path), "scores", f"ids/{path.name}")
    batch = document(ids, "spark", max_error_share=0.1)
    batch["data"] = {
        "source": {"type": "s3", "params": {"uri": f"{bucket}/ids/"}},
        "target": {"type": "delta", "params": {"uri": f"{bucket}/spark"}},
    }
    path = ids / "batch.yaml"
    path.write_text(yaml.safe_dump(batch))
    command = ["batch", str(path), "--run-id", "killed", "--home", str(home.folder)]
    command += ["--project", str(home.definitions.parent)]
    environment = {**on_aws(), **QUICK_JAVA, "HINDCAST_DATABASE_URL": home.database_url}
    run_until_killed("before hindcast.operations.batch.on_spark:_commit 1", *command, **environment)
    assert not DeltaTable.is_deltatable(f"{bucket}/spark")
    # As if it had been killed before the second part was there.
    s3.delete_object(Bucket="scores", Key="spark/batch-killed-000001.parquet")
    report = run_batch(home.application, config.read(path), "killed")
    assert (report.rows, report.errors, report.chunks, report.resumed_at) == (42, 2, 2, 1)
    assert run_batch(home.application, config.read(path), "killed") == report
    table = DeltaTable(f"{bucket}/spark").to_pyarrow_table()
    assert sorted(table["id"].to_pylist()) == sorted(CUSTOMERS)
    assert set(table["run"].to_pylist()) == {"killed"}


def test_a_run_with_too_many_errors_shows_them_alone_and_the_job_goes_on_with_it(
    settled: Home, ids: Path
) -> None:
    with pytest.raises(HindcastError, match="2 of 42 rows have no answer"):
        run(settled, ids, "spark", "batch-strict")
    assert not DeltaTable.is_deltatable(str(ids / "spark"))
    assert len(rows(ids / "spark.errors", "row")) == 2
    report = job(settled, ids, "batch-strict", max_error_share=0.1)
    assert report.scored == len(CUSTOMERS)
    assert len(rows(ids / "spark.errors", "row")) == 2
    assert len(rows(ids / "spark", "id")) == len(CUSTOMERS)


def test_spark_says_what_it_cannot_read_and_write(settled: Home, ids: Path) -> None:
    (ids / "ids" / "2.csv").write_text("id\n1\n")
    with pytest.raises(InputError, match=r"2.csv: engine spark reads Parquet; use engine local"):
        run(settled, ids, "spark", "batch-csv")
