"""What the benchmarks share: timing, alternating, children, tables, limits, a prepared home."""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "benchmarks" / "peers"
AS_OF = "2021-09-17"
_RSS_UNITS_PER_MB = 1024 * 1024 if sys.platform == "darwin" else 1024
T = TypeVar("T")
Name = TypeVar("Name")
# Scripts are run from anywhere; the one on Lambda uses the emulator of the tests.
sys.path.append(str(ROOT))


def timed(work: Callable[[], object]) -> float:
    """The seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def on_one_core() -> None:
    """Keep this process and those it starts on one core, where the system can do that.

    Two that take turns are woken on the same core or on another as the scheduler likes, and on a
    virtual machine that is worth as much as a whole read of a row.
    """
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def alternate(sides: Mapping[Name, Callable[[], T]], rounds: int) -> dict[Name, list[T]]:
    """Call every side once a round, each round starting with another, so that noise hits all."""
    results: dict[Name, list[T]] = {name: [] for name in sides}
    for turn in range(rounds):
        for name in rotated(list(sides), turn):
            results[name].append(sides[name]())
    return results


def rotated(names: list[Name], turn: int) -> list[Name]:
    """The names, starting with another one each turn."""
    start = turn % len(names)
    return names[start:] + names[:start]


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent of the values do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


@dataclass(frozen=True)
class Limit:
    """A measured number and what it is held to."""

    name: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the number is on the right side of its limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        bound = "at least" if self.at_least else "at most"
        word = "ok" if self.holds else "MISSED"
        return f"{self.name}: {_number(self.value)} ({bound} {_number(self.limit)}) {word}"


def verdict(limits: Sequence[Limit]) -> int:
    """Print each limit; the exit code: 0 when all hold, 1 otherwise."""
    print()
    for limit in limits:
        print(limit)
    return 0 if all(limit.holds for limit in limits) else 1


def table(header: Sequence[str], rows: Sequence[Sequence[str | float]]) -> None:
    """Print rows under a header: the first column to the left, the others to the right."""
    cells = [list(header), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        numbers = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *numbers]).rstrip())


def _text(cell: str | float) -> str:
    return cell if isinstance(cell, str) else _number(cell)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def machine() -> None:
    """Print what the numbers were measured on, and how busy it was."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load average {load}\n")


@dataclass(frozen=True)
class Usage:
    """What a child used: user and system time, wall time, peak memory (no less than ours)."""

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float


def child_usage(command: Sequence[str], environment: Mapping[str, str]) -> Usage:
    """Run a child to its end; raises CalledProcessError when it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command))
    return Usage(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / _RSS_UNITS_PER_MB)


@dataclass(frozen=True)
class Home:
    """A temporary home; database_url is its embedded Postgres, running."""

    folder: Path
    database_url: str

    @property
    def release(self) -> Path:
        """The folder of the release that train wrote."""
        releases = self.folder / "releases"
        return next(releases.glob("*/manifest.json")).parent

    def hindcast(self, *arguments: str) -> None:
        """Run a hindcast command on this home, in a process of its own."""
        quiet([sys.executable, "-m", "hindcast", *arguments, "--home", str(self.folder)])

    def prepare(self, customers: int) -> None:
        """Synthetic loans, ingested, materialized and trained on."""
        loans = self.folder / "loans.csv"
        generate = ["generate", "--out", str(loans), "--customers", str(customers)]
        quiet([sys.executable, "-m", "hindcast", *generate])
        self.hindcast("ingest", str(loans))
        self.hindcast("materialize", "--as-of", AS_OF)
        self.hindcast("train")

    def peer_table(self, name: str) -> None:
        """Make a table of every feature of the model, the request-time ones as of now."""
        import psycopg

        query = str(json.loads((self.release / "serving_plan.json").read_bytes())["sql"])
        query = query.partition(" WHERE ")[0].replace("SELECT ", 'SELECT "id", ', 1)
        copied = f"CREATE TABLE {name} AS {query}".encode()
        with psycopg.connect(self.database_url, cursor_factory=psycopg.ClientCursor) as connection:
            connection.execute(copied, {"as_of": datetime.now(UTC)})
            connection.execute(
                f"ALTER TABLE {name} ADD PRIMARY KEY (id), "
                "DROP _unseen, DROP features_as_of, DROP materialization".encode()
            )
            connection.execute(f"ANALYZE {name}".encode())

    def pickled_model(self) -> Path:
        """The release's classifier as joblib dumps it, fitted anew in a process of its own."""
        path = self.folder / "model.joblib"
        script = str(PEERS / "dump_model.py")
        quiet([sys.executable, script, str(self.folder), str(self.release), str(path)])
        return path


@contextmanager
def home() -> Iterator[Home]:
    """An empty temporary home with a running Postgres; both are gone afterwards."""
    from hindcast.stores import embedded_postgres

    for name in [name for name in os.environ if name.startswith("HINDCAST_")]:
        del os.environ[name]  # Else a benchmark could work on someone's own lake or database.
    with tempfile.TemporaryDirectory(prefix="hindcast-bench-") as folder:
        # Installed, Python keeps what it compiled; so it shall in every child here.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = f"{folder}/bytecode"
        data = Path(folder) / "postgres"
        url = embedded_postgres.server_url(data)
        try:
            yield Home(Path(folder), url)
        finally:
            embedded_postgres.stop(data)


def quiet(command: Sequence[str]) -> None:
    """Run a command without showing what it prints, unless it fails."""
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}")
