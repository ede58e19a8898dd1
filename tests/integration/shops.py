"""A project of two sources, three views and a model of each task, with request values."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hindcast import bootstrap
from hindcast.data import ingest
from hindcast.data.refresh import refresh
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.models.training import train
from tests.integration.hindsight import Home

START, AS_OF = datetime(2024, 1, 1, tzinfo=UTC), "2024-06-01T00:00:00+00:00"
NOW = datetime(2024, 7, 1, tzinfo=UTC)
MODELS = ("risk", "status", "delay")
CUSTOMERS, PURCHASES, SHOPS = 120, 1500, 6

DEFINITIONS = """
from hindcast.definitions import *

customer = Entity("customer", key="cid")
shop = Entity("shop", key=["country", "shop_no"])
purchases = Source(
    "purchases", entities=[customer, shop], event_timestamp="at", tiebreaker="line",
    schema={
        "line": "bigint", "cid": "string", "country": "string", "shop_no": "bigint",
        "at": "timestamp", "amount": "decimal(10,2)", "late": "bigint", "status": "string",
        "delay": "double",
    },
)
tickets = Source(
    "tickets", entity=customer, event_timestamp="opened", tiebreaker="ticket",
    schema={
        "ticket": "bigint", "cid": "string", "opened": "timestamp", "severity": "bigint",
        "topics": "double[3]",
    },
)
spending = FeatureView("spending", entity=customer, source=purchases, features=[
    Feature("purchases_before", "count(*)", over=prior()),
    Feature("average_amount", "avg(amount)", over=prior()),
    Feature("days_since", "days_between(max(at), as_of)", over=prior()),
])
support = FeatureView("support", entity=customer, source=tickets, features=[
    Feature("severe_tickets", "sum(severity)", over=prior(days=60)),
    Feature("topics", "topics", over=latest()),
])
busy = FeatureView("busy", entity=shop, source=purchases, features=[
    Feature("sold_last_week", "count(*)", over=prior(days=7)),
])
basket = RequestSource("basket", {"amount": "decimal(10,2)"})
asked = FeatureService("asked", [
    spending[...], support[...], busy[...], basket[["amount"]],
    Derived("amount_to_average", "amount / average_amount"),
])


def pipeline(last):
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), last)


def classifier(seed):
    from sklearn.linear_model import LogisticRegression

    return pipeline(LogisticRegression(random_state=seed))


def regressor(seed):
    from sklearn.linear_model import Ridge

    return pipeline(Ridge(random_state=seed))


gate = Gate(latency_ms=1_000)
of = dict(features=asked, spine=purchases, gate=gate, cold_start="answer")
late, named, hours = (Label(f"purchases.{name}") for name in ("late", "status", "delay"))
risk = Model("risk", label=late, estimator=classifier, slices=["severe_tickets"], **of)
status = Model("status", label=named, task="multiclass", estimator=classifier, **of)
delay = Model("delay", label=hours, task="regression", estimator=regressor, **of)
"""


def settle(folder: Path, database_url: str) -> Home:
    """Ingest purchases and tickets, and materialize each view as of an instant of its own."""
    home = ingested(folder, database_url)
    for days, view in enumerate(home.application.project.views):
        as_of = datetime.fromisoformat(AS_OF) - timedelta(days=days)
        clocks = bootstrap.knowledge(as_of.isoformat(), None, NOW)
        refresh(home.application, [view], DuckDBEngine(), clocks)
    return home


def ingested(folder: Path, database_url: str) -> Home:
    """A home with purchases and tickets in its lake."""
    home = Home(folder, database_url)
    home.definitions.parent.mkdir()
    home.definitions.write_text(DEFINITIONS)
    random_numbers = random.Random(1)
    for name, text in (
        ("purchases", _purchases(random_numbers)),
        ("tickets", _tickets(random_numbers)),
    ):
        path = folder / f"{name}.csv"
        path.write_text(text)
        application = home.application
        source = application.project.source(name)
        report = ingest.ingest(path, source, application.lake, application.ledger, NOW)
        assert report.quarantined == 0, report.reasons
    return home


def trained(home: Home, model: str) -> str:
    """The release of a model, trained once."""
    for record in home.application.ledger.releases():
        if record.model == model:
            return record.release
    clocks = bootstrap.knowledge(AS_OF, None, NOW)
    return train.train(home.application, model, DuckDBEngine(), clocks).release


def _purchases(numbers: random.Random) -> str:
    lines = ["line,cid,country,shop_no,at,amount,late,status,delay"]
    for line in range(PURCHASES):
        at = START + timedelta(minutes=numbers.randrange(150 * 24 * 60))
        amount, country = numbers.uniform(1, 100), numbers.choice(["DE", "FR"])
        delay = amount / 10 + numbers.gauss(0, 2)
        status = "early" if delay < 4 else "on time" if delay < 7 else "late"
        lines.append(
            f"{line},c-{numbers.randrange(CUSTOMERS)},{country},{numbers.randrange(SHOPS)},"
            f"{at.isoformat()},{amount:.2f},{int(delay > 7)},{status},{delay!r}"
        )
    return "\n".join(lines) + "\n"


def _tickets(numbers: random.Random) -> str:
    lines = ["ticket,cid,opened,severity,topics"]
    for ticket in range(300):
        opened = START + timedelta(minutes=numbers.randrange(150 * 24 * 60))
        # Of every second customer: the others have no history in this view.
        customer = 2 * numbers.randrange(CUSTOMERS // 2)
        severity, topics = numbers.randrange(4), [numbers.random() for _ in range(3)]
        lines.append(f'{ticket},c-{customer},{opened.isoformat()},{severity},"{topics}"')
    return "\n".join(lines) + "\n"
