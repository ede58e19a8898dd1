"""Integrity of the lake: what the check before each use costs, and whole digests a gigabyte."""

import argparse
import tempfile
from pathlib import Path

import _measure
import numpy as np
import pyarrow as pa
from _measure import Limit

from hindcast.stores.embedded_postgres import server_url
from hindcast.stores.integrity import Integrity
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
        ledger = Ledger(server_url(Path(folder) / "postgres"))
        root = str(Path(folder) / "lake")
        bare, lake = Lake(root), Lake(root, Integrity(root, lambda: ledger.lake))
        for number in range(options.commits):
            bare.append_once(f"{number}", pa.table({"n": [number]}).to_reader(), *SMALL)
        bare.append_once("0", _random(options.rows).to_reader(1_000_000), *LARGE)
        assert lake.integrity is not None
        for table in (SMALL, LARGE):
            lake.integrity.recorder.adopt("/".join(table), "a benchmark")
        alone = min(_measure.timed(lambda: bare.find(*SMALL)) for _ in range(5))
        checked = min(_measure.timed(lambda: lake.find(*SMALL)) for _ in range(5))
        gigabytes = sum(f.stat().st_size for f in Path(root).glob("raw/large/*.parquet")) / 1e9
        whole = _measure.timed(lambda: lake.check_whole(*LARGE)) / gigabytes
    rows = [(f"{options.commits:,}", f"{alone:.3f}", f"{checked:.3f}", f"{whole:.2f}")]
    _measure.table(("commits", "s to open", "s to open and check", "s a GB, whole"), rows)
    return _measure.verdict(
        [Limit("the check of 1,000 commits, s", checked - alone, 0.2), Limit("a GB, s", whole, 3)]
    )


def _random(rows: int) -> pa.Table:
    generator = np.random.default_rng(1)
    return pa.table({name: generator.random(rows) for name in ("a", "b")})


if __name__ == "__main__":
    raise SystemExit(main())
