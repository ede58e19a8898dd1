"""A home with one champion, refreshed once by Spark through the machine; a copy for each test."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from hindcast.demo.generate import generate
from tests import one_view, rough
from tests.integration import hindsight
from tests.integration.hindsight import EARLIER, FAST, Home
from tests.orchestration.aws import Given
from tests.orchestration.cloud import AS_OF, KNOWN_BY, Cloud, Ended, cloud
from tests.spark import QUICK_JAVA

CUSTOMERS, SEED = 600, 3
ROOT = Path(__file__).parents[2]
_numbers = count(1)


@dataclass(frozen=True)
class Refreshed:
    """A home, and the execution of `refresh` that ran Spark behind its Glue task."""

    home: Home
    ended: Ended
    given: Given
    notifications: list[tuple[str, Given]]


@pytest.fixture(scope="module", autouse=True)
def rough_measures() -> Iterator[None]:
    """For these modules alone: the same process runs others' tests after them."""
    with rough.measures():
        yield


@pytest.fixture(scope="session")
def refreshed(postgres_server: str, with_tables: str) -> Iterator[Refreshed]:
    """Not to be changed."""
    with (
        tempfile.TemporaryDirectory(prefix="hindcast-home-") as folder,
        hindsight.database(postgres_server, "refreshed", with_tables) as url,
    ):
        with rough.measures():
            home = _live_in(Home(Path(folder), url))
            with cloud(home) as around:
                around.glue.work = lambda given: spark(home, given)
                ended = around.run("daily", "refresh")
                [given] = around.edge.made("glue", "StartJobRun")
                told = around.notifications
        yield Refreshed(home, ended, given, told)


@pytest.fixture
def here(refreshed: Refreshed, postgres_server: str) -> Iterator[Cloud]:
    """A cloud around a copy of the refreshed home; its Glue job finds the work done."""
    with _copy(refreshed.home, postgres_server) as home, cloud(home) as around:
        yield around


@pytest.fixture(scope="session")
def trained(refreshed: Refreshed, postgres_server: str) -> Iterator[Home]:
    """The home with its challenger; not to be changed."""
    with _copy(refreshed.home, postgres_server) as home:
        with rough.measures():
            home.train(AS_OF, KNOWN_BY)
        yield home


@pytest.fixture
def rolling(trained: Home, postgres_server: str) -> Iterator[Cloud]:
    """As `here`, for tests of what follows: training finds the release, and draws no plots."""
    with _copy(trained, postgres_server) as home, cloud(home) as around:
        yield around


@contextmanager
def _copy(home: Home, server: str) -> Iterator[Home]:
    with (
        tempfile.TemporaryDirectory(prefix="hindcast-home-") as folder,
        hindsight.database(server, f"cloud_{next(_numbers)}", home.database_url) as url,
    ):
        yield hindsight.copy(home, Path(folder), url)


def spark(home: Home, given: Given) -> str | None:
    """Run the Glue job's own script on local Spark with a run's arguments; its error."""
    script = ROOT / "glue_jobs" / "refresh_features.py"
    fixed = {
        "--JOB_NAME": given["JobName"],
        "--lake": home.application.settings.lake,
        "--releases": home.application.settings.releases,
        "--database_url": home.database_url,
        "--project": str(home.definitions.parent),
    }
    words = [word for pair in {**fixed, **given["Arguments"]}.items() for word in pair]
    done = subprocess.run(
        [sys.executable, str(script), *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT / "src"), **QUICK_JAVA},
    )
    return done.stderr.strip().splitlines()[-1] if done.returncode else None


def _live_in(home: Home) -> Home:
    """Ingest, and promote a release that knew a quarter of a year less."""
    one_view.write(home.definitions.parent, FAST)
    generate(home.folder / "loans.csv", customers=CUSTOMERS, seed=SEED)
    hindsight.ingest(home.application, home.folder / "loans.csv")
    home.promote(home.train(EARLIER))
    return home
