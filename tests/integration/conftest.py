"""A home that was lived in takes long to settle: once for all tests, a copy for each."""

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from hindcast import settings
from hindcast.settings import Settings
from hindcast.stores.lake import Lake
from hindcast.stores.ledger import Ledger
from hindcast.stores.online import OnlineStore
from tests import rough
from tests.integration import hindsight, lifecycle
from tests.integration.hindsight import Home
from tests.integration.lifecycle import Stage
from tests.integration.service import TABLE, Service, serve
from tests.unit.serving import sample_release

_numbers = count(1)


@pytest.fixture(scope="module", autouse=True)
def rough_measures() -> Iterator[None]:
    """For these modules alone: the same process runs others' tests after them."""
    with rough.measures():
        yield


@pytest.fixture(scope="session")
def settled(postgres_server: str, with_tables: str) -> Iterator[Home]:
    """Two releases over one materialization; not to be changed."""
    with (
        tempfile.TemporaryDirectory(prefix="hindcast-home-") as folder,
        hindsight.database(postgres_server, "settled", with_tables) as url,
    ):
        with rough.measures():
            home = hindsight.settle(Path(folder), url)
        yield home


@pytest.fixture
def home(settled: Home, postgres_server: str) -> Iterator[Home]:
    """The settled home, for one test to change."""
    with (
        tempfile.TemporaryDirectory(prefix="hindcast-home-") as folder,
        hindsight.database(postgres_server, f"home_{next(_numbers)}", settled.database_url) as url,
    ):
        yield hindsight.copy(settled, Path(folder), url)


@pytest.fixture(scope="session")
def shared_stage(postgres_server: str, with_tables: str) -> Iterator[Stage]:
    """Loans in a lake."""
    with (
        hindsight.database(postgres_server, "stage", with_tables) as url,
        lifecycle.opened(url) as opened,
    ):
        yield opened


@pytest.fixture
def stage(shared_stage: Stage) -> Stage:
    """Where each test acts with a model of its own."""
    return shared_stage


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake that holds nothing yet."""
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def store(database_url: str) -> Iterator[OnlineStore]:
    """An online store in a database of the test's own."""
    with OnlineStore(database_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def served_url(module_database_url: str) -> str:
    """A database with a small online table."""
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        connection.execute(TABLE)
    return module_database_url


@pytest.fixture
def release_dir(tmp_path: Path) -> Path:
    """A release that was verified, for one test to damage."""
    return sample_release.write(tmp_path)


@pytest.fixture
def service(served_url: str, release_dir: Path) -> Iterator[Service]:
    """The predict handler over the small table and the release."""
    with serve(served_url, release_dir) as opened:
        yield opened


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """A ledger in a database of the test's own."""
    opened = Ledger(database_url)
    yield opened
    opened.close()


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    """The settings of a home that is empty."""
    return settings.load({}, home=tmp_path)
