"""Fixtures that every kind of test shares: a real Postgres, a fresh database each."""

import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

_numbers = count(1)


@pytest.fixture(scope="session", autouse=True)
def temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One folder for the temporary files of the run, those of processes that were killed too."""
    tmp_path_factory.getbasetemp()  # pytest's own folders stay where it deletes old ones.
    folder = tempfile.mkdtemp(prefix="hindcast-tests-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a real Postgres server that lives as long as the test session."""
    from hindcast.stores import embedded_postgres

    with tempfile.TemporaryDirectory(prefix="hindcast-") as folder:
        data = Path(folder) / "postgres"
        url = embedded_postgres.server_url(data)
        _write_without_waiting(url)
        yield url
        embedded_postgres.stop(data)


@pytest.fixture
def database_url(postgres_server: str) -> str:
    """URL of an empty database of the test's own."""
    return _create_database(postgres_server)


@pytest.fixture(scope="module")
def module_database_url(postgres_server: str) -> str:
    """URL of an empty database that the tests of one module share."""
    return _create_database(postgres_server)


def _write_without_waiting(server: str) -> None:
    """Never wait for the disk, which most of the time of a test's own database was spent on."""
    from hindcast.stores.database import connect

    with connect(server, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        connection.execute("SELECT pg_reload_conf()")


def _create_database(server: str) -> str:
    from psycopg import sql

    from hindcast.stores.database import connect

    name = f"test_{next(_numbers)}"
    with connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return server.replace(":///postgres?", f":///{name}?")
