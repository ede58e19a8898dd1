"""Start-up: the CPU seconds of commands that do little, each in a process of its own.

They are user and system time, so that waiting for a busy machine does not count. Postgres runs.
"""

import argparse
import json
import subprocess
import sys
from functools import partial

import _measure
from _measure import Home, Limit

HELP, OTHERS = 0.35, 1.0
CUSTOMERS = 2_000


def main() -> int:
    """Measure, print, and say with the exit code whether the limits hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    _measure.machine()
    with _measure.home() as home:
        home.prepare(CUSTOMERS)
        promote(home)
        commands = {
            "--help": [],
            "runs": ["--home", str(home.folder)],
            "releases": ["--home", str(home.folder)],
            "status": ["--home", str(home.folder)],
            "predict": ["5008804", "--home", str(home.folder)],
        }
        sides = {name: partial(cpu, name, *rest) for name, rest in commands.items()}
        _measure.alternate(sides, 1)  # Compiles what is not compiled yet and fills the file cache.
        seconds = _measure.alternate(sides, options.rounds)
    rows = [(name, _measure.median(took), min(took), max(took)) for name, took in seconds.items()]
    _measure.table(["CPU seconds", "median", "least", "most"], rows)
    return _measure.verdict([Limit(name, of, limit(name)) for name, of, *_ in rows])


def limit(command: str) -> float:
    """How many CPU seconds a command may take."""
    return HELP if command == "--help" else OTHERS


def cpu(*arguments: str) -> float:
    """The CPU seconds of one command."""
    return _measure.child_usage([sys.executable, "-m", "hindcast", *arguments], {}).cpu_seconds


def promote(home: Home) -> None:
    """Put the release into production, if training it has not."""
    command = [sys.executable, "-m", "hindcast", "releases", "--json", "--home", str(home.folder)]
    (release,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    if release["state"] != "champion":
        home.hindcast("promote", "1", "--force", "--reason", "to be asked")


if __name__ == "__main__":
    sys.exit(main())
