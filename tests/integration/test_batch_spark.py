"""Batches on Spark: what one machine gives, from the same YAML, once."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from deltalake import DeltaTable

from glue_jobs.batch_predict import arguments, batch_predict
from hindcast.errors import HindcastError, InputError
from hindcast.operations.batch import config
from hindcast.operations.batch.chunks import BatchReport
from hindcast.operations.batch.run import run_batch
from tests.integration.hindsight import CUSTOMERS, Home


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
