"""Fixtures that every kind of test shares: a real Postgres, a fresh database each."""

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a real Postgres server that lives as long as the test session."""
    from hindcast.stores import embedded_postgres

    with tempfile.TemporaryDirectory(prefix="hindcast-") as folder:
        data = Path(folder) / "postgres"
        yield embedded_postgres.server_url(data)
        embedded_postgres.stop(data)


@pytest.fixture
def database_url(postgres_server: str) -> str:
    """URL of an empty database of the test's own."""
    return _create_database(postgres_server)


@pytest.fixture(scope="module")
def module_database_url(postgres_server: str) -> str:
    """URL of an empty database that the tests of one module share."""
    return _create_database(postgres_server)


def _create_database(server: str) -> str:
    from psycopg import sql

    from hindcast.stores.database import connect

    name = f"test_{next(_numbers)}"
    with connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return server.replace(":///postgres?", f":///{name}?")
