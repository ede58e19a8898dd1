"""Whether the collect-log Lambda keeps up with the answers that an API admits.

Measured is the handler itself, in a process of its own: batches as the stream hands them over, a
minute of records of all environments of predict or as many as Lambda takes at once; against one
record at a time, as CloudWatch alone would hand over; and how time and memory grow with a backlog.
The lake is a folder: S3 adds a second or two to each batch, whatever is in it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import _measure
from _measure import Limit

from hindcast import names
from tests.unit.audit.prediction_log import prediction_lines as samples

FEATURES = 20
ADMITTED = 500  # Requests a second: requests_per_second of PRODUCTION.
RECORD_LINES = 25  # What one of twenty environments writes in a second of that.
PAYLOAD_MB = 6.0  # Lambda takes so much at once.
S3_SECONDS = 2.0  # Of a commit there, beyond a folder's.
# A line for each batch: seconds, the peak of memory so far in MB, and how many lines were new.
COLLECT = """
import json, resource, sys, time
from lambdas.collect_log.handler import handler
for path in sys.argv[1:]:
    with open(path) as file:
        event = json.load(file)
    started = time.perf_counter()
    report = handler(event, None)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([seconds, peak, report["new"]]))
"""
Batch = tuple[float, float, int]


def main() -> int:
    """Measure, print, and say with the exit code whether the limits hold."""
    options = _options()
    _measure.machine()
    with tempfile.TemporaryDirectory(prefix="hindcast-bench-") as name:
        folder = Path(name)
        alone = _collected(folder / "alone", RECORD_LINES, options.records)
        backlog = _collected(folder / "backlog", options.lines, options.batches)
        payload = (folder / "backlog" / "0.json").stat().st_size / 1e6
    _show(alone, backlog, payload, options.lines)
    return _measure.verdict(_limits(backlog, payload, options.lines))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=15_000, help="in a batch")
    parser.add_argument("--batches", type=int, default=24, help="of a backlog")
    parser.add_argument("--records", type=int, default=40, help="collected one by one")
    return parser.parse_args()


def _collected(folder: Path, lines: int, count: int) -> list[Batch]:
    """What so many batches of so many lines took, one after another, into a table of their own."""
    folder.mkdir()
    paths = [_written(folder / f"{place}.json", place * lines, lines) for place in range(count)]
    command = [sys.executable, "-c", COLLECT, *map(str, paths)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=_environment(folder / "lake")
    )
    found = [tuple(json.loads(line)) for line in done.stdout.splitlines()]
    assert [batch[2] for batch in found] == [lines] * count, "lines were lost"
    return [(seconds, peak, new) for seconds, peak, new in found]


def _environment(lake: Path) -> Mapping[str, str]:
    python = os.pathsep.join([str(_measure.ROOT / "src"), str(_measure.ROOT)])
    return {"PYTHONPATH": python, names.ENV_LAKE: str(lake)}


def _written(path: Path, first: int, lines: int) -> Path:
    """A batch as Lambda gets it, of lines whose numbers begin so."""
    texts = [
        json.dumps(_line(number), separators=(",", ":")) for number in range(first, first + lines)
    ]
    records = [
        samples.data(*texts[start : start + RECORD_LINES])
        for start in range(0, lines, RECORD_LINES)
    ]
    path.write_text(json.dumps(samples.batch(*records)))
    return path


def _line(number: int) -> dict[str, object]:
    values = {f"feature_{n:02}": (number + 1) / (n + 3) for n in range(FEATURES)}
    return samples.line(number, features=values)


def _show(alone: Sequence[Batch], backlog: Sequence[Batch], payload: float, lines: int) -> None:
    print(f"lines of {FEATURES} features; {lines:,} are {payload:.1f} MB as Lambda gets them\n")
    rows = []
    for name, batches in (("a record at a time", alone), ("batches of the stream", backlog)):
        seconds = sum(batch[0] for batch in batches)
        count = sum(batch[2] for batch in batches)
        with_s3 = count / (seconds + S3_SECONDS * len(batches))
        rows.append((name, count, seconds, count / seconds, with_s3))
    header = ("collected", "lines", "seconds", "lines a second", f"with {S3_SECONDS:g} s a batch")
    _measure.table(header, rows)
    print()
    quarter = len(backlog) // 4
    _measure.table(
        ("backlog, a quarter each", "seconds a batch", "peak MB"),
        [
            (f"{part + 1}", _seconds(backlog, part, quarter), backlog[(part + 1) * quarter - 1][1])
            for part in range(4)
        ],
    )


def _seconds(backlog: Sequence[Batch], part: int, size: int) -> float:
    return _measure.median([batch[0] for batch in backlog[part * size : (part + 1) * size]])


def _limits(backlog: Sequence[Batch], payload: float, lines: int) -> list[Limit]:
    """It is twice as fast as callers may ask, S3 included, and no slower or larger with time."""
    quarter = len(backlog) // 4
    slower = _seconds(backlog, 3, quarter) / _seconds(backlog, 0, quarter)
    larger = backlog[-1][1] / backlog[quarter - 1][1]
    slowest = max(batch[0] for batch in backlog) + S3_SECONDS
    return [
        Limit(
            "seconds for a second of answers, of the slowest batch", slowest * ADMITTED / lines, 0.5
        ),
        Limit("the last quarter's seconds to the first's", slower, 1.5),
        Limit("the last quarter's memory to the first's", larger, 1.25),
        Limit("peak MB, of 1,024", backlog[-1][1], 900),
        Limit("MB of a batch", payload, PAYLOAD_MB),
    ]


if __name__ == "__main__":
    sys.exit(main())
