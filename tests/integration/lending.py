"""A source of loans with two clocks, a project of it, and a lake that learned of a loan late."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from hindcast.compiler.features import CompiledView
from hindcast.compiler.query import Knowledge
from hindcast.data.materialize import materialize
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.project import load
from hindcast.stores.integrity.recording import Recorder
from hindcast.stores.lake import Lake
from hindcast.stores.ledger import Ledger
from hindcast.stores.online import OnlineStore
from tests.integration.orders import add, write_csv

DEFINITIONS = """
from hindcast.definitions import Entity, Feature, FeatureView, Source, latest, prior

loans = Source(
    "loans", entity=Entity("customer", key="id"), event_timestamp="day", tiebreaker="loan",
    recorded_at={recorded_at},
    schema={{"id": "bigint", "day": "date", "loan": "bigint", "amount": "decimal(18,2)",
            "rate": "double", "born": "date", "recorded_at": "timestamp"}},
)
history = FeatureView("history", loans, [
    Feature("loans_before", "count(*)", over=prior()),
    Feature("amount_before", "sum(amount)", over=prior()),
    Feature("rate", "rate", over=latest()),
    Feature("born", "born", over=latest()),
    Feature("age", "years_between(born, as_of)"),
])
"""
HEADER = "id,day,loan,amount,rate,born,recorded_at"
JANUARY, FEBRUARY, APRIL = (datetime(2021, month, 1, tzinfo=UTC) for month in (1, 2, 4))
ON_TIME = "1,2021-01-05,1,10.50,0.5,1990-02-01,2021-01-06T00:00:00"
LATE = "1,2021-01-20,2,20.25,0.7,1990-02-01,2021-03-10T00:00:00"
OTHER = "2,2021-01-25,1,1,,,2021-01-25T00:00:00"
AT_ONCE = datetime(2021, 1, 31, tzinfo=UTC)


def view_of(folder: Path, recorded_at: str | None = "recorded_at") -> CompiledView:
    """The view of a new project; without recorded_at, ingest alone says when a loan was known."""
    folder.mkdir(exist_ok=True)
    text = DEFINITIONS.format(recorded_at=repr(recorded_at))
    if recorded_at is None:
        text = text.replace(', "recorded_at": "timestamp"', "")
    (folder / "definitions.py").write_text(text)
    return load(folder).view()


def lake_of(home: Path, view: CompiledView) -> Lake:
    """A lake below a home, of three loans of January; one of them was recorded in March."""
    home.mkdir()
    loans = write_csv(home, ON_TIME, LATE, OTHER, header=HEADER, name="loans.csv")
    lake = Lake(str(home / "lake"))
    add(loans, lake, view.view.source)
    return lake


def recorded(lake: Lake, url: str, table: str = "raw/loans") -> None:
    """Let the ledger know a table that was written without it."""
    with closing(Ledger(url)) as ledger:
        ledger.migrate()
        Recorder(lake.root, lambda: ledger.lake).adopt(table, "for a test")


def published(view: CompiledView, lake: Lake, url: str, as_of: datetime = APRIL) -> str:
    """Materialize; the run."""
    with OnlineStore(url) as store:
        return materialize(view, DuckDBEngine(), lake, store, Knowledge(as_of, APRIL)).run_id
