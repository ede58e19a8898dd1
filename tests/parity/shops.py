"""A project of two sources, three entities, three views and what comes with a question; its oracle.

Sales are of a buyer and, where they say so, of a shop with two key columns; returns are of a buyer
whose key has another name there. A sale's last record may be of another shop than its first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake
from hypothesis import strategies as st

from hindcast.compiler.features import compile_view
from hindcast.compiler.labelled import Labelled
from hindcast.compiler.service import CompiledService, compile_service
from hindcast.definitions import (
    Derived,
    Entity,
    Feature,
    FeatureService,
    FeatureView,
    Label,
    RequestSource,
    Source,
    days,
    latest,
    prior,
)

START = datetime(2024, 1, 1, tzinfo=UTC)
MATURES = timedelta(days=10)
INSTANT = pa.timestamp("us", tz="UTC")

buyer = Entity("buyer", key="buyer")
shop = Entity("shop", key=["land", "number"])
sales = Source(
    "sales",
    entities=[buyer, shop],
    event_timestamp="at",
    tiebreaker="sale",
    schema={
        "buyer": "bigint",
        "land": "string",
        "number": "bigint",
        "at": "timestamp",
        "sale": "bigint",
        "amount": "decimal(10,2)",
        "taste": "double[2]",
    },
)
returns = Source(
    "returns",
    entities={buyer: "who"},
    event_timestamp="day",
    tiebreaker="nr",
    schema={"who": "bigint", "day": "date", "nr": "bigint", "late": "bigint", "of": "bigint"},
)
buying = FeatureView(
    "buying",
    sales,
    [
        Feature("bought", "count(*)", over=prior()),
        Feature("spent", "sum(amount)", over=prior(days=30)),
        Feature("last_amount", "amount", over=latest()),
        Feature("taste", "taste", over=latest()),
    ],
    entity=buyer,
)
selling = FeatureView(
    "selling",
    sales,
    [
        Feature("sold", "count(*)", over=prior(days=30)),
        Feature("dearest", "max(amount)", over=prior()),
    ],
    entity=shop,
    ttl=days(30),
)
returning = FeatureView(
    "returning",
    returns,
    [
        Feature("returned", "count(*)", over=prior()),
        Feature("since", "days_between(max(day), as_of)", over=prior()),
    ],
)
cart = RequestSource("cart", {"amount": "decimal(10,2)"})
SERVICE = FeatureService(
    "shopping",
    [
        selling[["dearest", "sold"]],
        buying[...],
        cart[...],
        returning[...],
        Derived("left", "bought - returned"),
        Derived("dear", "amount > dearest and left > 0"),
    ],
)


def compiled() -> CompiledService:
    """The service over its views."""
    return compile_service(SERVICE, compile_view)


def learned() -> Labelled:
    """Whether a sale was returned late, which the returns say."""
    label = Label("returns.late", on={"sale": "of"}, matures=MATURES)
    return Labelled(sales, label, returns)


@dataclass(frozen=True)
class ShopQuestion:
    """A question: keys, the value sent with it, the instant; where it is a sale, its number.

    later: how long after the instant of the stored features it is asked.
    """

    buyer: int
    land: str | None
    number: int | None
    amount: Decimal | None
    at: datetime
    sale: int | None = None
    later: timedelta = timedelta(0)


Row = dict[str, Any]
_MOMENTS = [START + timedelta(days=d, hours=h) for d in (0, 1, 30, 31, 45, 90) for h in (0, 7)]
MOMENTS = st.sampled_from(_MOMENTS)
_SHOPS = st.sampled_from([("NL", 1), ("NL", 2), ("BE", 1), (None, None), (None, 1)])
_TASTES = st.lists(st.sampled_from([0.1, -0.0, 1e-300]), min_size=2, max_size=2)
_AMOUNTS = st.integers(-(10**5), 10**5).map(lambda cents: Decimal(cents).scaleb(-2))


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    """Records of sales, some of them corrected, and of returns; in the order of recording."""
    sold = []
    for sale in range(draw(st.integers(0, 9))):
        land, number = draw(_SHOPS)
        row: Row = {"buyer": draw(st.integers(1, 3)), "land": land, "number": number}
        # Tiebreakers that buyers share: what tells their sales apart is the buyer.
        row |= {"at": draw(MOMENTS), "sale": sale // 2, "amount": draw(st.none() | _AMOUNTS)}
        row["taste"] = draw(st.none() | _TASTES)
        sold.append(row)
        if draw(st.booleans()):
            land, number = draw(_SHOPS)
            sold.append({**row, "land": land, "number": number, "amount": draw(_AMOUNTS)})
    back = [
        {
            "who": draw(st.integers(1, 4)),
            "day": draw(MOMENTS).date(),
            "nr": nr,
            "late": draw(st.integers(0, 1) | st.none()),
            "of": draw(st.integers(0, 5)),
        }
        for nr in range(draw(st.integers(0, 6)))
    ]
    return sold, back


QUESTIONS = st.lists(
    st.builds(
        lambda who, place, amount, at: ShopQuestion(who, place[0], place[1], amount, at),
        st.integers(1, 4),
        _SHOPS,
        st.none() | _AMOUNTS,
        MOMENTS,
    ),
    max_size=5,
)


def write(folder: str, sold: Sequence[Row], back: Sequence[Row]) -> None:
    """The records as Ingest would have recorded them, one after the other."""
    texts = {"land": pa.string(), "at": INSTANT, "day": pa.date32(), "amount": pa.decimal128(10, 2)}
    texts["taste"] = pa.list_(pa.float64())
    for source, rows in ((sales, sold), (returns, back)):
        columns = {
            name: pa.array([row[name] for row in rows], texts.get(name, pa.int64()))
            for name in source.schema
        }
        recorded = pa.array([START] * len(rows), INSTANT)
        own = {
            "recorded_at": recorded,
            "_ingested_at": recorded,
            "_file": pa.array(["f"] * len(rows), pa.string()),
            "_row": pa.array(range(len(rows)), pa.int64()),
            "_retraction": pa.nulls(len(rows), pa.string()),
        }
        write_deltalake(f"{folder}/raw/{source.name}", pa.table(columns | own), mode="overwrite")


def last_records(sold: Sequence[Row]) -> list[Row]:
    """Every sale as it was recorded last."""
    return list({(row["buyer"], row["at"], row["sale"]): row for row in sold}.values())


def sold_before(sold: Sequence[Row], asked: ShopQuestion) -> list[Row]:
    """The sales that a question sees: a sale's own those before it, others those of before."""
    place = (asked.at, -1 if asked.sale is None else asked.sale, asked.buyer)
    return [
        row
        for row in last_records(sold)
        if (row["at"], row["sale"], row["buyer"]) < place
        and not (asked.sale is None and row["at"] == asked.at)
    ]


def expected(sold: Sequence[Row], back: Sequence[Row], asked: ShopQuestion) -> Row:
    """The service's features of a question, and the views that have no event of its keys."""
    before = sold_before(sold, asked)
    own = sorted(
        (row for row in before if row["buyer"] == asked.buyer),
        key=lambda row: (row["at"], row["sale"]),
    )
    keyed = asked.land is not None and asked.number is not None
    shop_keys = (asked.land, asked.number)
    of_shop = [row for row in before if keyed and (row["land"], row["number"]) == shop_keys]
    given = [
        row
        for row in back
        if row["who"] == asked.buyer
        and datetime.combine(row["day"], datetime.min.time(), UTC) < asked.at
    ]
    month = asked.at - timedelta(days=30)
    amounts = [row["amount"] for row in own if row["amount"] is not None]
    tastes = [row["taste"] for row in own if row["taste"] is not None]
    spent = [row["amount"] for row in own if row["amount"] is not None and row["at"] >= month]
    prices = [row["amount"] for row in of_shop if row["amount"] is not None]
    expired = bool(of_shop) and max(row["at"] for row in of_shop) < month + asked.later
    dearest = None if expired else max(prices, default=None)
    left = len(own) - len(given)
    dear = None if asked.amount is None or dearest is None else asked.amount > dearest
    return {
        "dearest": dearest,
        "sold": None if expired else sum(row["at"] >= month for row in of_shop),
        "bought": len(own),
        "spent": sum(spent) if spent else None,
        "last_amount": amounts[-1] if amounts else None,
        "taste": tastes[-1] if tastes else None,
        "amount": asked.amount,
        "returned": len(given),
        "since": min(((asked.at + asked.later).date() - row["day"]).days for row in given)
        if given
        else None,
        "left": left,
        "dear": False if left <= 0 else dear,
        "unseen": {
            name
            for name, rows in (("selling", of_shop), ("buying", own), ("returning", given))
            if not rows
        },
    }
