"""Batch scoring against pandas and scikit-learn, from a spine to a Delta table, and its memory.

Both sides score one Parquet file of the features of every loan into another, each in a process of
its own, in turn. Then the features are computed too: keys and instants in, a Delta table out. Then
ten times the rows, for the memory. The loans are synthetic unless --loans names a file of them.
"""

import argparse
import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import duckdb
from _loans import apart, loans_csv
from _measure import (
    AS_OF,
    PEERS,
    Home,
    Limit,
    Usage,
    alternate,
    child_usage,
    home,
    machine,
    median,
    table,
    timed,
    verdict,
)

HINDCAST, PEER = "hindcast batch", "pandas + scikit-learn"
TOLERANCE = 1e-5
TIMES = 10


@dataclass(frozen=True)
class Files:
    """Files of a home that the two sides read and write."""

    home: Home

    def path(self, name: str) -> Path:
        """A file by its name."""
        return self.home.folder / name

    def batch(
        self, name: str, source: str, target: str, features: str, keep: str = "[loan_id, id]"
    ) -> Path:
        """A batch's YAML, by the champion; source, target, keep as YAML's flow style has them."""
        path = self.path(f"{name}.yaml")
        path.write_text(
            f"model: {{type: release, params: {{features: {features}}}}}\n"
            f"data: {{keep: {keep}, source: {source}, target: {target}}}\n"
            "max_error_share: 0.1\n"  # Of the first loan of a customer nothing is known before.
        )
        return path

    def file_batch(self, name: str, source: str) -> Path:
        """One that reads features from a file, and writes NAME.parquet."""
        target = self.path(f"{name}.parquet")
        return self.batch(
            name,
            f"{{type: local_file, params: {{path: {self.path(source)}}}}}",
            f"{{type: local_file, params: {{path: {target}}}}}",
            "given",
        )

    def online_batch(self) -> Path:
        """One that reads the features of every customer online."""
        target = self.path("online.parquet")
        return self.batch(
            "online",
            "{type: online_store}",
            f"{{type: local_file, params: {{path: {target}}}}}",
            "lookup",
            keep="[id]",
        )

    def spine_batch(self) -> Path:
        """One that computes the features, and writes a Delta table."""
        return self.batch(
            "spine_scores",
            f"{{type: spine, params: {{path: {self.path('spine.parquet')}}}}}",
            f"{{type: delta, params: {{uri: {self.path('scores')}}}}}",
            "lookup",
        )


def main() -> int:
    """Measure, print, judge."""
    options = _options()
    machine()
    with home() as prepared:
        files = Files(prepared)
        rows = _prepare(files, options.loans)
        sides = {
            PEER: lambda: _peer(files),
            HINDCAST: lambda: _ours(files, files.file_batch("ours", "features.parquet")),
        }
        runs = alternate(sides, options.rounds)
        unlike = _unlike(files)
        spine = _ours(files, files.spine_batch())
        online = _ours(files, files.online_batch())
        larger = _ours(files, files.file_batch("larger", "many.parquet"))
        entities = _count(f"SELECT count(*) FROM '{files.path('online.parquet')}'")
        # Last, as a child's peak memory is no less than ours.
        look_ups = _look_ups(files)
    _print(rows, runs, spine, larger, (entities, online))
    ours, theirs = (median([run.wall_seconds for run in runs[side]]) for side in (HINDCAST, PEER))
    peak = median([run.peak_mb for run in runs[HINDCAST]])
    return verdict(
        [
            Limit(f"seconds over {PEER}", ours / theirs, 1.5),
            Limit(
                f"peak memory of {TIMES} times the rows over that of one",
                larger.peak_mb / peak,
                1.25,
            ),
            Limit("keys a second looked up online", look_ups, 50_000, at_least=True),
            Limit("loans that the two sides answer differently", unlike, 0),
        ]
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loans", type=Path, help="a CSV or Parquet file of loans")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def _prepare(files: Files, given: Path | None) -> int:
    """A champion trained on the loans, a spine of them all, their features; the loans."""
    loans = loans_csv(files.home, given)
    files.home.hindcast("ingest", str(loans))
    files.home.hindcast("materialize", "--as-of", AS_OF)
    files.home.hindcast("train")
    spine, features, many = map(files.path, ("spine.parquet", "features.parquet", "many.parquet"))
    apart(f"COPY (SELECT loan_id, id, loan_date AS as_of FROM '{loans}') TO '{spine}'")
    out = ["--spine", str(spine), "--out", str(features), "--feature-view", "credit_history"]
    files.home.hindcast("get-historical-features", *out)
    apart(f"COPY (SELECT f.* FROM '{features}' f, range({TIMES})) TO '{many}'")
    files.home.pickled_model()
    return _count(f"SELECT count(*) FROM '{features}'")


def _ours(files: Files, batch: Path) -> Usage:
    environment = {"HINDCAST_DATABASE_URL": files.home.database_url}
    command = [sys.executable, "-m", "hindcast", "batch", str(batch), "--json"]
    return child_usage([*command, "--home", str(files.home.folder)], {**os.environ, **environment})


def _look_ups(files: Files) -> float:
    """How many customers' features are read online in a second, all of them asked for at once."""
    from hindcast import project
    from hindcast.data.retrieve import retrieve_online
    from hindcast.formats.spine_file import Rows

    view = project.load().view("credit_history")
    with duckdb.connect() as connection:
        query = f"SELECT DISTINCT id FROM '{files.path('spine.parquet')}' WHERE id > 0"
        keys = Rows(connection.sql(query).to_arrow_table(), "row")
    read = partial(retrieve_online, view, files.home.database_url, keys, datetime.now(UTC))
    return float(keys.table.num_rows) / median([timed(read) for _ in range(3)])


def _peer(files: Files) -> Usage:
    plan = json.loads((files.home.release / "serving_plan.json").read_bytes())
    paths = map(files.path, ("features.parquet", "model.joblib", "theirs.parquet"))
    columns = [feature["name"] for feature in plan["features"]]
    return child_usage(
        [sys.executable, str(PEERS / "bare_batch.py"), *map(str, paths), *columns], os.environ
    )


def _unlike(files: Files) -> int:
    """Loans with another probability, or with one on one side alone."""
    ours, theirs = files.path("ours.parquet"), files.path("theirs.parquet")
    return _count(
        f"SELECT count(*) FROM '{ours}' o FULL JOIN '{theirs}' t USING (loan_id) "
        f"WHERE (abs(o.probability - t.probability) <= {TOLERANCE}) IS NOT TRUE"
    )


def _count(sql: str) -> int:
    with duckdb.connect() as connection:
        return int(connection.execute(sql).fetchall()[0][0])


def _print(
    rows: int,
    runs: dict[str, list[Usage]],
    spine: Usage,
    larger: Usage,
    online: tuple[int, Usage],
) -> None:
    def line(name: str, count: int, several: list[Usage]) -> tuple[str | float, ...]:
        seconds = median([run.wall_seconds for run in several])
        peak = median([run.peak_mb for run in several])
        return name, f"{count:,}", f"{seconds:.1f}", f"{count / seconds:,.0f}", f"{peak:,.0f}"

    table(
        ["", "rows", "seconds", "rows a second", "peak MB"],
        [
            *(line(name, rows, several) for name, several in runs.items()),
            line(f"{HINDCAST}, spine to Delta", rows, [spine]),
            line(f"{HINDCAST}, {TIMES} times the rows", rows * TIMES, [larger]),
            line(f"{HINDCAST}, features looked up online", online[0], [online[1]]),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
