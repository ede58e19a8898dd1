"""The Glue entry point, run as Glue runs it: a script of its own process, with job arguments."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from deltalake import DeltaTable

from glue_jobs.refresh_features import arguments, main, refresh_features
from hindcast import bootstrap, project
from hindcast.compiler.features import CompiledView
from hindcast.data.ingest import add_file
from hindcast.data.materialize import materialize
from hindcast.demo.generate import generate
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.errors import InputError
from hindcast.stores.database import connect
from hindcast.stores.lake import Lake
from hindcast.stores.online import OnlineStore, ViewVersion
from tests import one_view
from tests.integration import moto_aws
from tests.integration.lending import recorded
from tests.spark import QUICK_JAVA

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "glue_jobs" / "refresh_features.py"
NOW = datetime(2021, 9, 18, tzinfo=UTC)
AS_OF = "2021-09-17"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with the loans of 30 customers, known since NOW."""
    folder = tmp_path_factory.mktemp("lake")
    generate(folder / "loans.csv", customers=30, seed=3)
    lake = Lake(str(folder / "lake"))
    add_file(folder / "loans.csv", project.load().source("loans"), lake, NOW)
    return lake


@pytest.fixture(scope="module")
def secret() -> Iterator[str]:
    """The name of the secret of a user; AWS_* variables lead any process to it."""
    text = json.dumps({"username": "postgres", "password": "p/w:d"})
    with moto_aws.served():
        boto3.client("secretsmanager").create_secret(Name="worker", SecretString=text)
        yield "worker"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with definitions of one's own, whose view has another name than the example's."""
    folder = tmp_path_factory.mktemp("own")
    definitions = one_view.write(folder) / "definitions.py"
    text = definitions.read_text()
    assert '"credit_history"' in text
    definitions.write_text(text.replace('"credit_history"', '"own_history"'))
    return folder


@pytest.fixture(scope="module")
def view(own: Path) -> CompiledView:
    return project.load(own).view()


@pytest.fixture(scope="module")
def report(lake: Lake, module_database_url: str, secret: str, own: Path) -> dict[str, Any]:
    """What the job printed last, once it had run."""
    recorded(lake, module_database_url)
    given = {
        "JOB_NAME": "refresh",
        "lake": lake.root,
        "database_url": module_database_url,
        "database_secret": secret,
        "as_of": AS_OF,
        "known_by": "2021-09-18T00:00:00Z",
        # `--extra-files` puts them where Glue runs the script.
        "project": ".",
    }
    done = run(given, own)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def run(given: dict[str, str], folder: Path) -> "subprocess.CompletedProcess[str]":
    # Glue adds arguments of its own that no script asks for.
    extra = ["--job-bookmark-option", "job-bookmark-disable", "--JOB_RUN_ID", "jr_1"]
    command = [sys.executable, str(SCRIPT), *extra]
    command += [part for name, value in given.items() for part in (f"--{name}", value)]
    environment = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    environment |= {"PYTHONPATH": str(ROOT / "src"), **QUICK_JAVA}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=folder
    )


def test_the_job_materializes_the_definitions_where_it_runs_with_the_arguments_it_was_given(
    report: dict[str, Any], lake: Lake, module_database_url: str, view: CompiledView
) -> None:
    [written] = report["views"]
    assert written["view"] == "own_history"
    assert report["as_of"] == "2021-09-17T00:00:00+00:00"
    assert report["known_by"] == "2021-09-18T00:00:00+00:00"
    assert written["entities"] == 30
    assert written["duplicates"] == 6
    table = DeltaTable(lake.uri("features", "own_history"))
    assert table.to_pyarrow_table().num_rows == written["events"]
    with OnlineStore(module_database_url) as store:
        current = store.current(ViewVersion.of(view))
    assert current is not None
    assert (current.run_id, current.rows) == (written["run_id"], 30)


def test_the_default_engine_gives_the_same_features(
    report: dict[str, Any],
    lake: Lake,
    module_database_url: str,
    database_url: str,
    tmp_path: Path,
    view: CompiledView,
) -> None:
    clocks = bootstrap.knowledge(AS_OF, "2021-09-18", NOW)
    other = Lake(str(tmp_path))
    (tmp_path / "raw").symlink_to(Path(lake.root) / "raw")
    with OnlineStore(database_url) as store:
        materialize(view, DuckDBEngine(), other, store, clocks)
    assert_same(online_rows(database_url, view), online_rows(module_database_url, view))
    assert_same(offline_rows(other), offline_rows(lake))


def assert_same(some: list[tuple[Any, ...]], others: list[tuple[Any, ...]]) -> None:
    """Equal row by row; floats within 1e-12 relative."""
    assert len(some) == len(others) > 0
    for row, other in zip(some, others, strict=True):
        assert row == tuple(
            pytest.approx(value, rel=1e-12) if isinstance(value, float) else value
            for value in other
        )


def online_rows(url: str, view: CompiledView) -> list[tuple[Any, ...]]:
    with connect(url) as connection:
        query = f"SELECT * FROM hindcast.{ViewVersion.of(view).relation} ORDER BY id"
        found = connection.execute(query.encode())
        return [row[:-1] for row in found]


def offline_rows(lake: Lake) -> list[tuple[Any, ...]]:
    table = DeltaTable(lake.uri("features", "own_history")).to_pyarrow_table()
    order = [(name, "ascending") for name in ("id", "event_timestamp", "tiebreaker")]
    rows = table.drop_columns("run_id").sort_by(order).to_pylist()
    return [tuple(row.values()) for row in rows]


def test_only_given_options_are_asked_of_glue() -> None:
    given = ["job.py", "--JOB_NAME", "j", "--lake=s3://lake", "--as_of", "2021-09-17"]
    expected = {"JOB_NAME": "j", "lake": "s3://lake", "as_of": "2021-09-17"}
    assert arguments(given) == expected
    with pytest.raises(InputError, match="lake"):
        arguments(["job.py", "--JOB_NAME", "j"])


def test_a_job_without_a_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give --database_url, --database_secret, or both"):
        refresh_features({"JOB_NAME": "j", "lake": str(tmp_path)}, NOW)


def test_a_known_error_ends_the_job_with_its_line(tmp_path: Path, database_url: str) -> None:
    argv = ["job.py", "--JOB_NAME", "j", "--lake", str(tmp_path), "--database_url", database_url]
    with pytest.raises(SystemExit, match=r"refresh_features: .*run: hindcast ingest FILE"):
        main(argv)
