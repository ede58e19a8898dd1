"""python -m tests.faults 1-200: run seeds, a line for each, and end with 1 where one is broken."""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults import preload

preload.everything()

from hindcast.stores import embedded_postgres  # noqa: E402
from tests.faults import bugs  # noqa: E402
from tests.faults.seeds import Runner  # noqa: E402
from tests.postgres import write_without_waiting  # noqa: E402

MEMORY = Path("/dev/shm")
MEMORY_NEEDED = 2**30


def main() -> None:
    """Run the seeds that are named, or hunt planted bugs with them."""
    parser = argparse.ArgumentParser(prog="tests.faults", description=__doc__)
    parser.add_argument("seeds", type=_seeds, help="a seed, or a range such as 1-200")
    parser.add_argument("--steps", type=int, default=25, help="of each seed")
    parser.add_argument("--server", help="a Postgres server, instead of one of its own")
    parser.add_argument("--verbose", action="store_true", help="print every step")
    parser.add_argument("--first", action="store_true", help="end at the first that is broken")
    parser.add_argument("--bugs", nargs="*", help="hunt these planted bugs, or all, one by one")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # Which stops the server too.
    with _folder() as folder, _server(folder, given.server) as server:
        if given.bugs is not None:
            sys.exit(bugs.hunt(given.bugs, given.seeds, given.steps, folder, server))
        with Runner(folder, server, given.steps, given.verbose) as runner:
            sys.exit(_run(runner, given.seeds, given.first))


def _run(runner: Runner, seeds: range, until_first: bool) -> int:
    ran, broken = 0, list[int]()
    for seed in seeds:
        ran += 1
        if not runner.run(seed):
            broken.append(seed)
            if until_first:
                break
    listed = ", ".join(map(str, broken)) or "none"
    sys.stdout.write(f"{ran - len(broken)} of {ran} seeds held; broken: {listed}\n")
    return 1 if broken else 0


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


@contextmanager
def _folder() -> Iterator[Path]:
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED
    folder = tempfile.mkdtemp(prefix="hindcast-faults-", dir=MEMORY if has_room else None)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(folder: Path, given: str | None) -> Iterator[str]:
    if given is not None:
        yield given
        return
    data = folder / "postgres"
    url = embedded_postgres.server_url(data)
    write_without_waiting(url)
    try:
        yield url
    finally:
        embedded_postgres.stop(data)


if __name__ == "__main__":
    main()
