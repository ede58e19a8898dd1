"""A small source of orders with every kind of check, and what the lake holds after an ingest."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hindcast import names
from hindcast.data.ingest import IngestReport, add_file
from hindcast.definitions import Check, Entity, Source
from hindcast.stores.lake import Lake

NOW = datetime(2022, 1, 1, tzinfo=UTC)
HEADER = "id,day,order,amount,count,rate,kind"
GOOD = "1,2021-05-01,10,1.5,2,0.25,cash"

orders = Source(
    "orders",
    entity=Entity("person", key="id"),
    event_timestamp="day",
    tiebreaker="order",
    schema={
        "id": "bigint",
        "day": "date",
        "order": "bigint",
        "amount": "decimal(18,6)",
        "count": "bigint",
        "rate": "double",
        "kind": "string",
    },
    checks=[
        Check("amount > 0"),
        Check("count < 100", on_fail="null"),
        Check("rate >= 0", on_fail="warn"),
    ],
)


def line(**values: str) -> str:
    """A good line with some of its values replaced."""
    good = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
    return ",".join((good | values).values())


def write_csv(folder: Path, *lines: str, header: str = HEADER, name: str = "orders.csv") -> Path:
    """A CSV file of these lines."""
    path = folder / name
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def add(path: Path, lake: Lake, source: Source = orders, now: datetime = NOW) -> IngestReport:
    """Ingest a file; whatever is in it, each row is accepted or quarantined."""
    report = add_file(path, source, lake, now, force=True)
    assert report.rows == report.accepted + report.quarantined
    return report


def raw(lake: Lake, source: Source = orders) -> list[dict[str, Any]]:
    """The accepted rows, in the order of their files' lines."""
    return _rows(lake, [names.RAW, source.name], [names.FILE, names.ROW])


def quarantine(lake: Lake, source: Source = orders) -> list[dict[str, Any]]:
    """The rows that were not accepted, in the order of their files' lines."""
    return _rows(lake, [names.QUARANTINE, source.name], ["file", "line"])


def _rows(lake: Lake, table: Sequence[str], order: Sequence[str]) -> list[dict[str, Any]]:
    found = lake.find(*table)
    if found is None:
        return []
    rows = found.to_pyarrow_table().sort_by([(name, "ascending") for name in order])
    return list(rows.to_pylist())
