"""However a command ends, its run ends with it, and so does the embedded server."""

import signal
from pathlib import Path

import pytest

from hindcast import bootstrap
from hindcast.demo.generate import generate
from hindcast.stores import embedded_postgres
from tests.integration import crashes

FIRST_WRITE = "before hindcast.stores.lake:write_deltalake 1"


@pytest.fixture(scope="module")
def csv_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("loans") / "loans.csv"
    generate(path, customers=5, seed=3)
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def test_sigterm_ends_the_run_and_the_server_in_one_line(csv_file: Path, home: Path) -> None:
    done = crashes.run(signal.SIGTERM, FIRST_WRITE, "ingest", str(csv_file), "--home", str(home))
    assert (done.returncode, done.stderr) == (143, "hindcast: interrupted by SIGTERM\n")
    assert not (home / "postgres" / "postmaster.pid").exists()
    run = bootstrap.application(home).ledger.runs("ingest", limit=1)[0]
    assert (run.status, run.error) == ("interrupted", "interrupted by SIGTERM")
    embedded_postgres.stop(home / "postgres")
