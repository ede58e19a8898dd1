"""Fixtures that every kind of test shares: a real Postgres, a fresh database each."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests import spread
from tests.spark import QUICK_JAVA

_numbers = count(1)
# A database is hundreds of files: making and dropping one in memory takes a tenth of the time.
MEMORY = Path("/dev/shm")
MEMORY_NEEDED = 4 * 2**30


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> spread.ByFile:
    """Spread the tests over workers as these set things up."""
    return spread.ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    spread.long_first(items)


@pytest.fixture(scope="session", autouse=True)
def temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One folder for the temporary files of the run, those of processes that were killed too."""
    tmp_path_factory.getbasetemp()  # pytest's own folders stay where it deletes old ones.
    folder = tempfile.mkdtemp(prefix="hindcast-tests-", dir=_memory())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield
    shutil.rmtree(folder)


def _memory() -> Path | None:
    """A folder in memory, where there is one with room; None is the usual place."""
    is_there = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED
    return MEMORY if is_there else None


@pytest.fixture(scope="session", autouse=True)
def quick_java() -> Iterator[None]:
    """For Spark in the process of the tests and in those that get its environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in QUICK_JAVA.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a real Postgres server that lives as long as the test session."""
    from hindcast.stores import embedded_postgres
    from tests.postgres import write_without_waiting

    with tempfile.TemporaryDirectory(prefix="hindcast-") as folder:
        data = Path(folder) / "postgres"
        url = embedded_postgres.server_url(data)
        write_without_waiting(url)
        yield url
        embedded_postgres.stop(data)


@pytest.fixture(scope="session")
def with_tables(postgres_server: str) -> Iterator[str]:
    """URL of a database with MLflow's tables, to be copied: they take seconds to create."""
    from hindcast.models.registry import mlflow_store

    with _database(postgres_server) as url:
        mlflow_store.migrate(url)
        yield url


@pytest.fixture
def database_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty database of the test's own."""
    with _database(postgres_server) as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty database that the tests of one module share."""
    with _database(postgres_server) as url:
        yield url


@contextmanager
def _database(server: str) -> Iterator[str]:
    from psycopg import sql

    from hindcast.stores.database import connect

    name = f"test_{next(_numbers)}"
    with connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield server.replace(":///postgres?", f":///{name}?")
    with connect(server, autocommit=True) as connection:
        gone = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        connection.execute(gone)
