"""Ingest + materialize on DuckDB against a bare DuckDB + psycopg script; then ten times the rows.

Both sides run in processes of their own, in turn, on one Postgres; the seconds are those of their
work, imports apart. The loans are synthetic unless --loans names a CSV or Parquet file of them.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from _loans import PLANTED, apart, customers_unlike, loans_csv
from _measure import (
    AS_OF,
    PEERS,
    Home,
    Limit,
    alternate,
    home,
    machine,
    median,
    table,
    verdict,
)


@dataclass(frozen=True)
class Run:
    """One side's run: seconds and CPU seconds of its work, peak resident memory of its process."""

    seconds: float
    cpu: float
    peak_gib: float


def main() -> int:
    """Measure, print, judge."""
    options = _options()
    if options.child:
        return hindcast(Path(options.child[0]), options.child[1], options.child[2])
    machine()
    with home() as prepared:
        loans = loans_csv(prepared, options.loans)
        runs = alternate(
            {
                "bare DuckDB + psycopg": lambda: _bare(loans, prepared),
                "hindcast": lambda: _hindcast(loans, prepared),
            },
            options.rounds,
        )
        different = customers_unlike(prepared.database_url)
        many = _multiplied(loans, options.times)
        larger = _hindcast(many, prepared)
    _print(runs, larger, options.times)
    bare, ours = (_seconds(runs[side]) for side in ("bare DuckDB + psycopg", "hindcast"))
    return verdict(
        [
            Limit("ingest + materialize over the bare script", ours / bare, 1.5),
            Limit("customers that the two sides answer differently", different, PLANTED),
            Limit(f"{options.times}x the rows: time", larger.seconds / ours, 1.1 * options.times),
            Limit(f"{options.times}x the rows: peak GiB", larger.peak_gib, 2.0),
        ]
    )


def hindcast(loans: Path, lake: str, url: str) -> int:
    """The child of our side: ingest and materialize, and print seconds and CPU seconds."""
    # Imported now, not when first needed; pyarrow imports pandas with its first conversion.
    import pandas  # noqa: F401  # For its being imported.

    from hindcast import bootstrap, project
    from hindcast.data.ingest import add_file
    from hindcast.data.materialize import materialize
    from hindcast.stores.lake import Lake
    from hindcast.stores.online import OnlineStore, copy  # noqa: F401  # copy: the database driver.

    declared, now = project.load(), datetime.now(UTC)
    started, cpu = time.perf_counter(), time.process_time()
    add_file(loans, declared.source("loans"), Lake(lake), now)
    with OnlineStore(url) as store:
        clocks = bootstrap.knowledge(AS_OF, None, datetime.now(UTC))
        # Forced, because ten times the customers is just what the checks are there to stop.
        engine = bootstrap.engine("duckdb")
        materialize(declared.view("credit_history"), engine, Lake(lake), store, clocks, force=True)
    print(time.perf_counter() - started, time.process_time() - cpu)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loans", type=Path, help="a CSV or Parquet file of loans")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=10, help="how many times the rows, once more")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def _bare(loans: Path, prepared: Home) -> Run:
    folder = prepared.folder / "bare"
    folder.mkdir(exist_ok=True)
    return _child([str(PEERS / "bare_duckdb.py"), str(loans), str(folder), prepared.database_url])


def _hindcast(loans: Path, prepared: Home) -> Run:
    lake = prepared.folder / f"lake-{time.monotonic_ns()}"
    return _child([__file__, "--child", str(loans), str(lake), prepared.database_url])


def _child(arguments: list[str]) -> Run:
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    printed = process.stdout.read() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{arguments} failed")
    seconds, cpu = map(float, printed.split())
    return Run(seconds, cpu, used.ru_maxrss / 2**20)


def _multiplied(loans: Path, times: int) -> Path:
    """The same loans of so many times the customers."""
    many = loans.with_name("many.csv")
    apart(
        "COPY (SELECT * EXCLUDE (copy) REPLACE (try_cast(id AS BIGINT) + 100000000 * copy AS id, "
        "try_cast(loan_id AS BIGINT) + 10000000 * copy AS loan_id) "
        f"FROM read_csv('{loans}', all_varchar=true, ignore_errors=true), range({times}) AS t(copy)"
        f") TO '{many}' (HEADER)"
    )
    return many


def _seconds(runs: list[Run]) -> float:
    return median([run.seconds for run in runs])


def _print(runs: dict[str, list[Run]], larger: Run, times: int) -> None:
    sides = {**runs, f"hindcast, {times}x the rows": [larger]}
    rows: list[list[str | float]] = [
        [name, _seconds(side), median([r.cpu for r in side]), max(r.peak_gib for r in side)]
        for name, side in sides.items()
    ]
    table(["", "seconds", "CPU seconds", "peak GiB"], rows)


if __name__ == "__main__":
    sys.exit(main())
