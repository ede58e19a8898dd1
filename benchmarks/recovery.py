"""Recovery: how long a table takes that came late, by its commits and by its gigabytes."""

import argparse
import tempfile
from pathlib import Path

import _measure
import numpy as np
import pyarrow as pa
from _measure import Limit

from hindcast.stores.embedded_postgres import server_url
from hindcast.stores.integrity import Integrity, mend
from hindcast.stores.lake import Lake
from hindcast.stores.ledger import Ledger

SMALL, LARGE = ("raw", "small"), ("raw", "large")


def main() -> int:
    """Measure, print, and say with the exit code whether the limits hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=60_000_000, help="of 16 random bytes each")
    options = parser.parse_args()
    _measure.machine()
    with tempfile.TemporaryDirectory(prefix="hindcast-bench-") as folder:
        ledger, root = Ledger(server_url(Path(folder) / "postgres")), Path(folder) / "lake"
        integrity = Integrity(str(root), lambda: ledger.lake)
        lake = Lake(str(root))
        for number in range(options.commits):
            lake.append_once(f"{number}", pa.table({"n": [number]}).to_reader(), *SMALL)
        lake.append_once("0", _random(options.rows).to_reader(1_000_000), *LARGE)
        lake.append_once("1", _random(1).to_reader(), *LARGE)
        for table in (SMALL, LARGE):
            integrity.recorder.adopt("/".join(table), "a benchmark")
            newest = max((root.joinpath(*table) / "_delta_log").glob("*.json"))
            newest.unlink()
        gigabytes = sum(f.stat().st_size for f in root.glob("raw/large/*.parquet")) / 1e9
        small = _measure.timed(lambda: mend(integrity, "/".join(SMALL), "a benchmark"))
        large = _measure.timed(lambda: mend(integrity, "/".join(LARGE), "a benchmark"))
    rows = [(f"{options.commits:,}", f"{small:.2f}", f"{large / gigabytes:.2f}")]
    _measure.table(("commits", "s, all of them", "s a GB"), rows)
    return _measure.verdict(
        [Limit("1,000 commits, s", small, 15), Limit("a GB, s", large / gigabytes, 15)]
    )


def _random(rows: int) -> pa.Table:
    generator = np.random.default_rng(1)
    return pa.table({name: generator.random(rows) for name in ("a", "b")})


if __name__ == "__main__":
    raise SystemExit(main())
