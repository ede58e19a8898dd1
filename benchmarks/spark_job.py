"""The Spark job against a hand-written PySpark job with the same windows and the same writes.

Both run in processes of their own, in turn, on one raw table, one Postgres and one Spark
configuration; the seconds are those of the job, imports and the session's start apart. The loans
are synthetic unless --loans names a CSV or Parquet file of them.
"""

import argparse
import json
import runpy
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import _measure
import duckdb
from _loans import PLANTED, SAME, customers_unlike, loans_csv, unlike
from _measure import Limit
from deltalake import DeltaTable

JOB = _measure.ROOT / "glue_jobs" / "refresh_features.py"


def main() -> int:
    """Measure, print, judge."""
    options = _options()
    if options.child:
        return hindcast(*options.child)
    _measure.machine()
    with _measure.home() as home:
        home.hindcast("ingest", str(loans_csv(home, options.loans)))
        lake, bare = home.folder / "lake", home.folder / "bare"
        jobs = {
            "bare PySpark": lambda: _child(_bare_job(home, lake, bare)),
            "hindcast": lambda: _child([__file__, "--child", str(lake), home.database_url]),
        }
        runs = _measure.alternate(jobs, options.rounds)
        unlike_rows = customers_unlike(home.database_url), _events_unlike(lake, bare)
    seconds = {name: [run[0] for run in side] for name, side in runs.items()}
    _print(seconds)
    theirs, ours = (_measure.median(took) for took in seconds.values())
    limits = [
        Limit("Spark job over the bare PySpark job", ours / theirs, 1.3),
        Limit("shuffles in its plan", max(run[1] for run in runs["hindcast"]), 1),
        Limit("customers that the two sides answer differently", unlike_rows[0], PLANTED),
        Limit("events that the two sides answer differently", unlike_rows[1], PLANTED),
    ]
    return _measure.verdict(limits)


def hindcast(lake: str, url: str) -> int:
    """The child of our side: run the Glue job; print its seconds and its plan's shuffles."""
    # pyarrow imports pandas with its first conversion, where it is installed.
    import pandas  # noqa: F401  # For its being imported.

    from hindcast.engines.spark.session import session

    given = {"lake": lake, "database_url": url, "as_of": _measure.AS_OF, "force": "true"}
    given["feature_views"] = "credit_history"
    refresh = runpy.run_path(str(JOB))["refresh_features"]
    session()
    started = time.perf_counter()
    refresh(given, datetime.now(UTC))
    print(json.dumps([time.perf_counter() - started, _shuffles(lake)]))
    return 0


def _shuffles(lake: str) -> int:
    """The exchanges in the plan that the job runs, planned once more."""
    from hindcast import bootstrap, project
    from hindcast.compiler import query
    from hindcast.engines.spark import SparkEngine

    view, raw = project.load().view("credit_history"), DeltaTable(f"{lake}/raw/loans")
    clocks = bootstrap.knowledge(_measure.AS_OF, None, datetime.now(UTC))
    engine = SparkEngine()
    sql = query.materialization(view, engine.dialect, clocks)
    with engine.compute(sql, raw, view.view.source) as computed:
        plan = computed.rows._jdf.queryExecution().executedPlan().toString()
    return int(plan.count("Exchange"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loans", type=Path, help="a CSV or Parquet file of loans")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def _bare_job(home: _measure.Home, lake: Path, bare: Path) -> list[str]:
    script, raw = str(_measure.PEERS / "bare_spark.py"), str(lake / "raw" / "loans")
    return [script, raw, str(bare / str(time.monotonic_ns())), home.database_url]


def _child(arguments: list[str]) -> list[float]:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    printed: list[float] = json.loads(done.stdout)
    return printed


def _events_unlike(lake: Path, bare: Path) -> int:
    """Events whose offline rows are not the same on both sides; either lacking them counts."""
    ours = DeltaTable(str(lake / "features" / "credit_history")).file_uris()
    theirs = DeltaTable(str(max(bare.iterdir()) / "is_event=true")).file_uris()
    columns = unlike([*SAME, "age", "years_on_the_job", "loan_date"])
    found = duckdb.execute(
        f"SELECT count(*) FROM (SELECT *, tiebreaker AS loan_id, CAST(event_timestamp AS DATE) "
        f"AS loan_date FROM read_parquet({ours})) AS ours FULL JOIN read_parquet({theirs}, "
        f"hive_partitioning=false) AS bare USING (id, loan_id) WHERE {columns}"
    ).fetchone()
    return int((found or (0,))[0])


def _print(seconds: dict[str, list[float]]) -> None:
    rows = [(name, _measure.median(took), min(took), max(took)) for name, took in seconds.items()]
    _measure.table(("Spark, local", "median s", "fastest s", "slowest s"), rows)


if __name__ == "__main__":
    sys.exit(main())
