"""The chain of the ledger: what it adds to an insert, and how fast it is walked."""

import argparse
import tempfile
import threading
import time
from pathlib import Path

import _measure
from _measure import Limit

from hindcast.stores.database import connect
from hindcast.stores.embedded_postgres import server_url
from hindcast.stores.ledger import Ledger

ROW = "INSERT INTO ledger.events (type, subject, data) VALUES ('RunFinished', %s, '{\"n\": 1}')"
MANY = (
    "INSERT INTO ledger.runs (id, kind, parameters) "
    "SELECT 'r' || n, 'ingest', jsonb_build_object('file', n) FROM generate_series(1, %s) AS n"
)
WRITERS = (1, 4)


def main() -> int:
    """Measure, print, and say with the exit code whether the limits hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="of the walk")
    parser.add_argument("--inserts", type=int, default=500, help="a writer and round")
    options = parser.parse_args()
    _measure.machine()
    with tempfile.TemporaryDirectory(prefix="hindcast-bench-") as folder:
        url = server_url(Path(folder) / "postgres")
        ledger = Ledger(url)
        ledger.migrate()
        added = [_inserts(url, writers, options.inserts) for writers in WRITERS]
        with connect(url) as session:
            session.execute(MANY, [options.rows])
        seconds = _measure.timed(ledger.chain.damage)
        head = ledger.chain.head()
    assert head is not None
    rate = head.place / seconds
    rows = [(str(n), *times) for n, times in zip(WRITERS, added, strict=True)]
    _measure.table(("writers", "ms a row, no chain", "ms a row, chain"), rows)
    print(f"\n{head.place:,} rows walked in {seconds:.1f} s: {rate:,.0f} rows/s")
    extra = added[0][1] - added[0][0]
    return _measure.verdict(
        [
            Limit("the chain's part of an insert, ms", extra, 2),
            Limit("a walk, us a row", 1e6 / rate, 100),
        ]
    )


def _inserts(url: str, writers: int, count: int) -> tuple[float, float]:
    """The milliseconds of a row that is committed by itself, without the chain and with it."""
    without = [_with_chain(url, "DISABLE", writers, count) for _ in range(2)]
    chained = [_with_chain(url, "ENABLE", writers, count) for _ in range(2)]
    return min(without), min(chained)


def _with_chain(url: str, change: str, writers: int, count: int) -> float:
    with connect(url) as session:
        session.execute(f"ALTER TABLE ledger.events {change} TRIGGER chain".encode())
    threads = [threading.Thread(target=_write, args=(url, count)) for _ in range(writers)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.perf_counter() - started) * 1000 / count / writers


def _write(url: str, count: int) -> None:
    with connect(url, autocommit=True) as session:
        for number in range(count):
            session.execute(ROW, [str(number)])


if __name__ == "__main__":
    raise SystemExit(main())
