"""Materialize under fire: killed at any moment, the online view answers one whole version."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hindcast import names, project
from hindcast.compiler.query import Knowledge
from hindcast.data.materialize import MaterializeReport, materialize
from hindcast.demo.generate import generate
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.stores.database import connect
from hindcast.stores.lake import Lake
from hindcast.stores.online import OnlineStore, ViewVersion
from tests.integration.crashes import run_until_killed
from tests.integration.orders import NOW, add

OLD, NEW = datetime(2021, 6, 1, tzinfo=UTC), datetime(2021, 9, 17, tzinfo=UTC)
VIEW = project.load(None).view("credit_history")
COMMIT = "hindcast.engines.duckdb:write_deltalake"
STORE = "hindcast.stores.online.store:OnlineStore"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with 60 customers' loans in its lake."""
    home = tmp_path_factory.mktemp("home")
    generate(home / "loans.csv", customers=60, seed=5)
    add(home / "loans.csv", Lake(str(home / "lake")), VIEW.view.source)
    return home


def run(home: Path, store: OnlineStore, as_of: datetime) -> MaterializeReport:
    lake = Lake(str(home / "lake"))
    return materialize(VIEW, DuckDBEngine(), lake, store, Knowledge(as_of, NOW))


def online(store: OnlineStore) -> list[tuple[object, ...]]:
    """All that the view answers, but for the name of the run."""
    with connect(store.url) as connection:
        columns = [*VIEW.online_columns, names.FEATURES_AS_OF]
        query = (
            f"SELECT {', '.join(columns)} FROM hindcast.{ViewVersion.of(VIEW).relation} ORDER BY id"
        )
        return connection.execute(query.encode()).fetchall()


def offline_runs(home: Path) -> dict[str, int]:
    """Each run in the offline table with its number of rows."""
    table = Lake(str(home / "lake")).open(names.FEATURES, VIEW.view.name, fix="")
    counts = table.to_pyarrow_table()[names.RUN_ID].value_counts().to_pylist()
    return {count["values"]: count["counts"] for count in counts}


@pytest.mark.parametrize(
    ("crash", "is_offline_new"),
    [
        # Other moments are those of tests/faults.
        (f"before {COMMIT} 1", False),
        (f"before {STORE}.create_table 1", True),
        ("after hindcast.stores.online.swap:swap_view 1", True),
    ],
)
def test_until_the_swap_commits_a_killed_run_serves_the_old_rows_and_another_completes_it(
    home: Path, store: OnlineStore, crash: str, is_offline_new: bool
) -> None:
    old = run(home, store, OLD)
    before = online(store)
    run_until_killed(
        crash,
        "materialize",
        "--as-of",
        "2021-09-17",
        "--home",
        str(home),
        HINDCAST_DATABASE_URL=store.url,
    )
    assert online(store) == before
    [(written, count)] = offline_runs(home).items()
    assert (written != old.run_id, count > old.events) == (is_offline_new, is_offline_new)
    new = run(home, store, NEW)
    assert offline_runs(home) == {new.run_id: new.events}
    assert len(online(store)) == new.entities
    assert {row[-1] for row in online(store)} == {NEW}
