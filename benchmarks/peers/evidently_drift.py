"""Evidently's preset for data drift, over the same rows.

Runs on a Python that has evidently and deltalake; nothing of Hindcast is needed.
"""

import json
import resource
import sys
import time
from pathlib import Path

import pandas as pd
from deltalake import DeltaTable
from evidently import Report
from evidently.presets import DataDriftPreset


def main(folder: Path) -> None:
    """Read both sides, measure every column, print what it took."""
    started = time.perf_counter()
    known = pd.read_parquet(folder / "known.parquet")
    current = DeltaTable(str(folder / "table")).to_pandas()
    found = Report([DataDriftPreset()]).run(current, known).dict()
    seconds = time.perf_counter() - started
    drifted = found["metrics"][0]["value"]["count"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(json.dumps({"seconds": seconds, "gib": peak, "drifted": drifted}))


if __name__ == "__main__":
    main(Path(sys.argv[2]))
