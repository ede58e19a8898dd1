"""Logged answers about the purchases of shops, by a release of its model of late ones."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hindcast import names
from hindcast.audit import prediction_log
from hindcast.audit.prediction_log import Stream
from tests.integration import shops
from tests.integration.hindsight import Home


@dataclass(frozen=True)
class Purchase:
    """A labelled event of shops."""

    keys: Mapping[str, Any]
    at: datetime
    line: int
    amount: float
    late: int

    @property
    def chance(self) -> float:
        """How likely it was to be late, as it was drawn."""
        return 0.5 * math.erfc((7 - self.amount / 10) / 2 / math.sqrt(2))


def purchases(home: Home, since: datetime) -> list[Purchase]:
    """Those from an instant on, in their order."""
    with (home.definitions.parent.parent / "purchases.csv").open() as lines:
        found = [
            Purchase(
                {"cid": row["cid"], "country": row["country"], "shop_no": int(row["shop_no"])},
                datetime.fromisoformat(row["at"]),
                int(row["line"]),
                float(row["amount"]),
                int(row["late"]),
            )
            for row in csv.DictReader(lines)
        ]
    return sorted((each for each in found if each.at >= since), key=lambda each: each.at)


def line(
    release: str,
    of: Purchase,
    before: timedelta,
    chance: float,
    name: str = "",
    request: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The log line of an answer about a purchase, so long before it."""
    at = (of.at - before).isoformat()
    return {
        "message": names.PREDICTION_MESSAGE,
        "prediction_id": name or f"{release} {of.keys['cid']} {at}",
        "instant": at,
        "id": of.keys if request is None else of.keys["cid"],
        "request": {"amount": f"{of.amount:.2f}"} if request is None else request,
        "release": release,
        "materialization": "a,b,c",
        "features_as_of": shops.AS_OF,
        "features": {"severe_tickets": int(of.at.day % 2)},
        "prediction": int(chance >= 0.5),
        "probability": chance,
        "outcome": "predicted",
    }


def collect(home: Home, lines: Iterable[Mapping[str, Any]]) -> None:
    """Add lines to the prediction log."""
    text = "\n".join(map(json.dumps, lines)).encode()
    report = prediction_log.collect(
        [Stream("log", io.BytesIO(text))], home.application.lake, shops.NOW
    )
    assert not report.quarantined, report.reasons
