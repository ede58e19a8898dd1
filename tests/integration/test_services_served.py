"""A plain feature store: a project without any model serves its feature services over HTTP."""

import json
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pyarrow as pa
import pytest

from hindcast import bootstrap
from hindcast.data import ingest, retrieve
from hindcast.data.refresh import refresh
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.formats.spine_file import Rows
from hindcast.serving import catalog
from hindcast.serving.catalog import Catalog
from hindcast.serving.handler import make_features_handler
from hindcast.serving.store import Database
from hindcast.traffic import local, proxy_events
from tests.integration import hindsight
from tests.integration.hindsight import Home

DEFINITIONS = """
from hindcast.definitions import *

customer = Entity("customer", key="cid")
shop = Entity("shop", key=["country", "number"])
purchases = Source(
    "purchases", entities=[customer, shop], event_timestamp="at", tiebreaker="line",
    schema={"line": "bigint", "cid": "string", "country": "string", "number": "bigint",
            "at": "timestamp", "amount": "decimal(10,2)", "card": "boolean", "due": "date",
            "taste": "double[2]"},
)
spending = FeatureView("spending", entity=customer, source=purchases, features=[
    Feature("purchases_before", "count(*)", over=prior()),
    Feature("spent", "sum(amount)", over=prior()),
    Feature("by_card", "card", over=latest()),
    Feature("last_due", "due", over=latest()),
    Feature("taste", "taste", over=latest()),
    Feature("first_at", "min(at)", over=prior()),
    Feature("days_since", "days_between(max(at), as_of)", over=prior()),
])
busy = FeatureView("busy", entity=shop, source=purchases, features=[
    Feature("sold", "count(*)", over=prior()),
])
basket = RequestSource("basket", {"price": "decimal(10,2)"})
asked = FeatureService("asked", [
    spending, busy, basket, Derived("price_to_spent", "price / spent"),
])
priced = FeatureService("priced", [Derived("twice", "price * 2"), basket][::-1])
"""
PURCHASES = """line,cid,country,number,at,amount,card,due,taste
1,ann,DE,1,2024-01-01T09:00:00Z,10.25,true,2024-02-01,"[0.1, -2]"
2,ann,FR,1,2024-02-20T09:00:00Z,2.50,false,2024-03-01,
3,bob,DE,1,2024-03-01T00:00:00Z,99.00,,,
"""
AS_OF = datetime(2024, 6, 1, tzinfo=UTC)
BUSY = ('"sold", "count(*)"', '"sold", "count(*) + 100"')
ANN = "cid=ann&country=DE&number=1&price=5.10"
Answer = tuple[int, dict[str, Any]]


@pytest.fixture(scope="module")
def home(postgres_server: str) -> Iterator[Home]:
    with (
        tempfile.TemporaryDirectory(prefix="hindcast-home-") as folder,
        hindsight.database(postgres_server, "services") as url,
    ):
        made = Home(Path(folder), url)
        made.definitions.parent.mkdir()
        made.definitions.write_text(DEFINITIONS)
        yield made


@pytest.fixture(scope="module")
def ask(home: Home) -> Callable[[str], Answer]:
    """GET of `hindcast serve`, which starts before there is anything to serve."""
    urls: Queue[str] = Queue()
    serving = (home.application, None, "127.0.0.1", 0, urls.put)
    Thread(target=local.serve, args=serving, daemon=True).start()
    url = urls.get(timeout=60)

    def get(path: str) -> Answer:
        try:
            with urllib.request.urlopen(url + path, timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    return get


@pytest.fixture(scope="module")
def served(home: Home, ask: Callable[[str], Answer]) -> Callable[[str], Answer]:
    """The same, once the views are materialized."""
    path = "/services/asked/features?" + ANN
    message = "the online store does not have what is asked for; run: hindcast materialize"
    assert ask(path) == (503, {"error": {"field": None, "message": message}})
    assert ask("/health")[0] == 503
    file = home.folder / "purchases.csv"
    file.write_text(PURCHASES)
    application = home.application
    source = application.project.source()
    ingest.ingest(file, source, application.lake, application.ledger, AS_OF)
    materialize(home)
    return ask


def materialize(home: Home, *views: str) -> None:
    clocks = bootstrap.knowledge(AS_OF.isoformat(), None, AS_OF)
    refresh(home.application, views or None, DuckDBEngine(), clocks)


def offline(home: Home, **keys: Any) -> dict[str, Any]:
    """What get-historical-features gives for a question of now, as of the materialization."""
    question = {**keys, "price": Decimal("5.10"), "as_of": AS_OF, "asked_at": datetime.now(UTC)}
    spine = pa.table({name: [value] for name, value in question.items()})
    spine = spine.set_column(
        spine.schema.get_field_index("price"), "price", spine["price"].cast(pa.decimal128(10, 2))
    )
    application = home.application
    service = application.project.service("asked")
    found = retrieve.retrieve(service, DuckDBEngine(), application.lake, Rows(spine))
    row = found.table.to_pylist()[0]
    return {name: as_json(row[name]) for name in service.names}


def as_json(value: Any) -> Any:
    """A value as answers have it: decimals as numbers, dates and instants as text."""
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.parametrize(
    ("keys", "unseen"),
    [
        ({"cid": "ann", "country": "DE", "number": 1}, None),
        ({"cid": "bob", "country": "XX", "number": 1}, ["busy"]),
        ({"cid": "zoe", "country": "FR", "number": 1}, ["spending"]),
    ],
    ids=["all views", "an unknown shop", "an unknown customer"],
)
def test_a_service_is_answered_as_get_historical_features_does(
    home: Home, served: Callable[[str], Answer], keys: dict[str, Any], unseen: list[str] | None
) -> None:
    query = "&".join(f"{name}={value}" for name, value in keys.items())
    status, answer = served(f"/services/asked/features?{query}&price=5.10")
    assert (status, answer.get("unseen")) == (200, unseen)
    features, expected = answer["features"], offline(home, **keys)
    assert features["taste"] == ([0.1, -2.0] if keys["cid"] == "ann" else None)
    assert features.pop("taste") == expected.pop("taste")
    assert features == pytest.approx(expected)
    assert (answer["service"], answer["features_as_of"]) == ("asked", AS_OF.isoformat())
    assert len(answer["materialization"].split(",")) == 2


def test_the_command_gives_the_row_of_names_and_values(
    home: Home, served: Callable[[str], Answer], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["get-online-features", "--service", "asked", "--json"]
    code, printed, _ = home.run(capsys, *asked, *ANN.split("&"))
    [row], answer = json.loads(printed), served(f"/services/asked/features?{ANN}")[1]
    assert (code, {name: row[name] for name in answer["features"]}) == (0, answer["features"])
    code, _, errors = home.run(capsys, *asked, "ann")
    assert (code, "write cid=... country=... number=... price=..." in errors) == (2, True)


def test_a_service_of_request_values_alone_reads_no_view(served: Callable[[str], Answer]) -> None:
    status, answer = served("/services/priced/features?price=2.50")
    assert (status, answer["features"]) == (200, {"price": 2.5, "twice": 5.0})


@pytest.mark.parametrize(
    ("path", "status", "field", "message"),
    [
        (f"other/features?{ANN}", 404, "service", "there is no service 'other'; known are asked, "),
        ("asked/features?cid=ann&country=DE&number=1", 422, "price", "is missing; send a decimal"),
        (f"asked/features?{ANN}&colour=red", 422, "colour", "is unknown; known are cid, country, "),
        (f"asked/features?{ANN}&price=2", 400, "price", "is given more than once; send one"),
        ("asked/features?cid=ann&country=DE&number=1&price=x", 422, "price", "must be a number"),
        ("asked/features?cid=ann&country=DE&number=one&price=1", 422, "number", "must be an integ"),
        (
            "asked/features?cid=zoe&country=XX&number=9&price=1",
            404,
            None,
            "there is no customer and shop with cid zoe, country XX, number 9",
        ),
    ],
    ids=["service", "missing", "unknown", "twice", "ill-typed value", "ill-typed key", "entity"],
)
def test_what_cannot_be_answered_is_named(
    served: Callable[[str], Answer], path: str, status: int, field: str | None, message: str
) -> None:
    found, answer = served(f"/services/{path}")
    assert (found, answer["error"]["field"]) == (status, field)
    assert answer["error"]["message"].startswith(message)


def test_an_empty_value_is_null(served: Callable[[str], Answer]) -> None:
    _, answer = served("/services/asked/features?cid=ann&country=DE&number=&price=")
    assert (answer["features"]["price"], answer["features"]["sold"]) == (None, 0)


def test_short_paths_name_the_services_where_there_are_several(
    served: Callable[[str], Answer],
) -> None:
    message = "names no service; use /services/SERVICE/features, and one of asked, priced"
    for path in ("/features?cid=ann", "/features/ann"):
        assert served(path) == (404, {"error": {"field": "path", "message": message}})
    assert served("/health")[1]["services"] == ["asked", "priced"]
    assert served("/models/risk/predict")[0] == 404


def test_a_changed_service_waits_for_all_of_its_views(
    home: Home, served: Callable[[str], Answer]
) -> None:
    """Until they are materialized, it is answered as before; then within REREAD_SECONDS."""
    now = [0.0]
    of_store = Catalog(Database(home.database_url), clock=lambda: now[0])
    handler = make_features_handler(of_store)

    def sold() -> int:
        event = proxy_events.proxy_event("GET", f"/services/asked/features?{ANN}", [], b"", "test")
        found = json.loads(handler(event, proxy_events.Context())["body"])
        return int(found["features"]["sold"])

    assert sold() == 2
    changed = home.redefine(BUSY)
    materialize(changed, "spending")
    now[0] = catalog.REREAD_SECONDS
    assert sold() == 2
    materialize(changed, "busy")
    assert sold() == 2
    now[0] = 2 * catalog.REREAD_SECONDS
    assert sold() == 102
    of_store.close()
