"""Check 3,000,000 rows of 100 columns for drift; with --evidently, beside Evidently on fewer.

A Delta table of 80 numbers and 20 texts, against the histograms of 100,000 rows of the same kind:
counted in one scan, measured, judged. Each run is a process of its own, whose peak memory is read;
imports are not in the seconds.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import _measure
import duckdb
import pyarrow as pa
from _measure import Limit
from deltalake import DeltaTable, write_deltalake

from hindcast.data.training_rows import column_numbers, column_texts
from hindcast.definitions import Drift
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.models.tasks import histograms
from hindcast.operations.drift import compare, counting, policy
from hindcast.operations.drift.counting import CountedRows
from hindcast.operations.drift.reference import Bins, Reference
from hindcast.stores.lake import ROW_GROUPS

ROWS, KNOWN, NUMBERS, TEXTS = 3_000_000, 100_000, 80, 20
PEER = _measure.PEERS / "evidently_drift.py"


def main() -> int:
    """Measure, print, and say with the exit code whether the limits hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--evidently", action="store_true", help="install Evidently, measure it")
    parser.add_argument("--evidently-rows", type=int, default=20_000)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--write", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write(options.child, options.write)
        return 0
    if options.child:
        print(json.dumps(measured(options.child)))
        return 0
    _measure.machine()
    with tempfile.TemporaryDirectory(prefix="hindcast-bench-") as folder:
        home = Path(folder)
        _made(home / "all", ROWS)
        runs = [_run(home / "all", sys.executable) for _ in range(options.rounds)]
        shown = {f"hindcast, {ROWS:,} rows": runs}
        if options.evidently:
            _made(home / "fewer", options.evidently_rows)
            shown |= _beside(home, options.evidently_rows)
    _print(shown)
    return _measure.verdict(
        [
            Limit("seconds", _measure.median([run["seconds"] for run in runs]), 60),
            Limit("peak GiB", max(run["gib"] for run in runs), 2),
            Limit("columns found to drift", max(run["drifted"] for run in runs), 0),
        ]
    )


def measured(folder: Path) -> dict[str, Any]:
    """A check of a folder's table: its seconds, the peak of this process, and what moved."""
    document = json.loads((folder / "histograms.json").read_text())
    bins = {name: Bins.of(each) for name, each in document.items()}
    known = {name: bins[name].counts(each) for name, each in document.items()}
    values = {
        name: counting.number(name) if each.is_numeric else counting.text(name)
        for name, each in bins.items()
    }
    started = time.perf_counter()
    reference, table = Reference(bins, {None: known}), DeltaTable(str(folder / "table"))
    counted = counting.count(DuckDBEngine(), table, CountedRows("raw", values, {}), reference)
    found = compare.measure(reference, counted, "served", "answers", Drift())
    moved = policy.moved(found.measurements, Drift().significance)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {"seconds": seconds, "gib": peak, "drifted": len(moved)}


def write(folder: Path, rows: int) -> None:
    """A Delta table, the rows that are known as Parquet, and their histograms."""
    folder.mkdir()
    with duckdb.connect() as connection:
        connection.execute("SELECT setseed(0.5)").fetchall()
        reader = connection.sql(_sql(rows)).to_arrow_reader(100_000)
        write_deltalake(str(folder / "table"), reader, writer_properties=ROW_GROUPS)
        known: pa.Table = connection.sql(_sql(KNOWN)).to_arrow_table()
        connection.register("known", known)
        connection.execute(f"COPY known TO '{folder / 'known.parquet'}'")
    found = {
        field.name: histograms.of(
            column_texts(known[field.name])
            if pa.types.is_string(field.type)
            else column_numbers(known[field.name])
        )
        for field in known.schema
    }
    (folder / "histograms.json").write_text(json.dumps(found))


def _sql(rows: int) -> str:
    """Rows of skewed numbers with nulls, and of texts of which some are rarer than others."""
    numbers = (f"if(random() < 0.02, NULL, -ln(1 - random())) AS n{at}" for at in range(NUMBERS))
    texts = (f"'c' || (random() * random() * 30)::INT AS t{at}" for at in range(TEXTS))
    return f"SELECT {', '.join([*numbers, *texts])} FROM range({rows})"


def _made(folder: Path, rows: int) -> None:
    """Write in a process of its own: a child's peak is no less than its parent's was."""
    arguments = ["--child", str(folder), "--write", str(rows)]
    subprocess.run([sys.executable, __file__, *arguments], check=True)


def _run(folder: Path, python: str, script: Path = Path(__file__)) -> dict[str, Any]:
    command = [python, str(script), "--child", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _beside(home: Path, rows: int) -> dict[str, list[dict[str, Any]]]:
    """Both on fewer rows; Evidently in a virtual environment that is made for it."""
    environment = home / "evidently"
    python = str(environment / "bin" / "python")
    _measure.quiet([sys.executable, "-m", "venv", str(environment)])
    _measure.quiet(
        [python, "-m", "pip", "install", "--quiet", "evidently", "pandas<3", "deltalake"]
    )
    return {
        f"hindcast, {rows:,} rows": [_run(home / "fewer", sys.executable)],
        f"Evidently, {rows:,} rows": [_run(home / "fewer", python, PEER)],
    }


def _print(shown: dict[str, list[dict[str, Any]]]) -> None:
    rows = [
        (name, _measure.median([run["seconds"] for run in runs]), max(run["gib"] for run in runs))
        for name, runs in shown.items()
    ]
    _measure.table(["", "seconds", "peak GiB"], rows)


if __name__ == "__main__":
    sys.exit(main())
