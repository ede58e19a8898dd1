"""A small project whose model is fitted at once, and the files of orders that come for it."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

DEFINITIONS = """
from hindcast.definitions import (
    Check, Entity, Feature, FeatureView, Gate, Model, Source, days, latest, prior
)


def build(seed):
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = LogisticRegression(random_state=seed)
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), regression)


types = dict.fromkeys(["id", "order_id", "amount", "late"], "bigint")
orders = Source(
    "orders", entity=Entity("shopper", key="id"), event_timestamp="at", tiebreaker="order_id",
    schema={**types, "at": "timestamp"}, checks=[Check("amount > 0")],
)
buying = FeatureView("buying", orders, [
    Feature("bought", "count(*)", over=prior()),
    Feature("spent", "sum(amount)", over=prior()),
    Feature("newest", "amount", over=latest()),
])
lateness = Model(
    "lateness", buying[["bought", "spent", "newest"]], "orders.late", days(1), build,
    gate=Gate(latency_ms=10_000),
)
"""
MODEL, VIEW, SOURCE = "lateness", "buying", "orders"
HEADER = "id,at,order_id,amount,late"
SHOPPERS = range(1, 31)
FIRST_ROWS = 450
BEGIN = datetime(2021, 1, 1, tzinfo=UTC)

Features = Mapping[str, int]


@dataclass(frozen=True)
class Event:
    """One order as a file says it."""

    id: int
    at: datetime
    order_id: int
    amount: int
    late: int

    @property
    def line(self) -> str:
        """As a line of a file."""
        return f"{self.id},{self.at.isoformat()},{self.order_id},{self.amount},{self.late}"


@dataclass(frozen=True)
class DataFile:
    """A file of orders: what of it is to be accepted, and the lines that are not."""

    name: str
    events: Sequence[Event]
    bad: frozenset[int]
    text: str

    def write(self, folder: Path) -> Path:
        """Put it into a folder."""
        path = folder / self.name
        path.write_text(self.text)
        return path


@dataclass
class Orders:
    """Draws files, one after the other, from a seed."""

    chance: random.Random
    names: str = "orders"
    events: list[Event] = field(default_factory=list)
    number: int = 0

    def first(self) -> DataFile:
        """Enough good orders to train a model on, whose lateness follows the amount before."""
        last: dict[int, int] = {}
        found = []
        for number in range(FIRST_ROWS):
            id_, amount = self.chance.choice(SHOPPERS), self.chance.randrange(1, 100)
            late = int(last.get(id_, 50) + self.chance.gauss(0, 15) > 60)
            last[id_] = amount
            found.append(Event(id_, BEGIN + timedelta(hours=3 * number), number, amount, late))
        return self._file(found, [])

    def more(self, is_late: bool) -> DataFile:
        """Some more orders, corrections of earlier ones among them, and lines that are no orders.

        is_late: they happened before most that are known.
        """
        start = BEGIN + timedelta(hours=1 if is_late else 3 * FIRST_ROWS + 50 * self.number)
        fresh = [self._event(start, number) for number in range(self.chance.randrange(4, 25))]
        known = self.chance.sample(self.events, min(3, len(self.events)))
        # One of them says what it said before.
        corrected = [*known[:1], *(self._corrected(event) for event in known[1:])]
        bad = ["7,2021-02-30T00:00:00,1,5,0", "8,2021-02-03T00:00:00,1,0,0", "9,2021-02-03"]
        return self._file([*fresh, *corrected], self.chance.sample(bad, self.chance.randrange(3)))

    def _corrected(self, event: Event) -> Event:
        return replace(event, amount=self.chance.randrange(1, 100))

    def _event(self, start: datetime, number: int) -> Event:
        at = start + timedelta(minutes=self.chance.randrange(2000))
        order = 1_000_000 + self.number * 1000 + number
        amount = self.chance.randrange(1, 100)
        return Event(self.chance.choice(SHOPPERS), at, order, amount, self.chance.randrange(2))

    def _file(self, events: Sequence[Event], bad: Sequence[str]) -> DataFile:
        self.number += 1
        self.events += events
        lines = [*[(event.line, False) for event in events], *[(text, True) for text in bad]]
        self.chance.shuffle(lines)
        wrong = frozenset(at for at, (_, is_bad) in enumerate(lines, 2) if is_bad)
        text = "\n".join([HEADER, *(line for line, _ in lines)]) + "\n"
        return DataFile(f"{self.names}-{self.number:03}.csv", tuple(events), wrong, text)


def features(files: Mapping[DataFile, datetime], known_by: datetime) -> dict[int, Features]:
    """The features of every shopper, from what was recorded by an instant; file -> recorded."""
    held: dict[tuple[int, datetime, int], Event] = {}
    for file, recorded in sorted(files.items(), key=lambda item: item[1]):
        if recorded <= known_by:  # The last record of an event counts.
            held |= {(event.id, event.at, event.order_id): event for event in file.events}
    found: dict[int, Features] = {}
    for shopper in {key[0] for key in held}:
        own = [held[key] for key in sorted(held) if key[0] == shopper]
        spent = sum(event.amount for event in own)
        found[shopper] = {"bought": len(own), "spent": spent, "newest": own[-1].amount}
    return found
